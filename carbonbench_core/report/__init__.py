"""From predictions to scores, result rows and the leaderboard."""

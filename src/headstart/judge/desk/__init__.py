"""What is handed in and what goes back: reading submissions, pytest's items, reports, classes."""

"""Several processes: start them, run one job in all of them, end them in time; and the job of chapter 11."""

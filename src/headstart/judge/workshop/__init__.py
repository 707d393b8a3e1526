"""The judge's side of the border: warm workers, deadlines, the course's answers that an answer may lean on."""

"""The judge: tries an answer against the laws of its exercise and says what broke."""

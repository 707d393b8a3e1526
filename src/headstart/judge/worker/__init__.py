"""The learner's side: it loads definitions and answers requests. A worker loads these files by path."""

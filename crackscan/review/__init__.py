"""Review of a scan by people: queues, verdicts, statistics, the served page, and what is given back."""

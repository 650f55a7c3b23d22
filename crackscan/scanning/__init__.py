"""Plan, run and record a scan: from paths to rows in a journal."""

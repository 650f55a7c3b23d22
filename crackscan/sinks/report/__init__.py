"""A report: one web page that shows what a scan found, to look at, to print and to hand over."""

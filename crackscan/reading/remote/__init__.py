"""Objects in buckets and on web servers. Nothing outside of this folder knows how they are reached."""

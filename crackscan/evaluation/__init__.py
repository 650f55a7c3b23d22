"""Evaluation of a model on images that it has not learned from: metrics, intervals, tables and pictures."""

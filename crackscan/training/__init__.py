"""From split examples to a model folder. Most of it imports TensorFlow, and only when it runs."""

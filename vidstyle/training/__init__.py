"""Training: from folders of pictures to weights, by recipes that may be stopped and resumed at any step."""

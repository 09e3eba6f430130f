"""Training: from folders of pictures to weights, by recipes, stopped and resumed at any step."""

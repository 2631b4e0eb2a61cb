"""What the rows of a corpus say without their text: values, masks, choice, repetition and order against alerts."""

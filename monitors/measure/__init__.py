"""How well monitors see: pure figures over scores and labels, with intervals, and words where there is no figure."""

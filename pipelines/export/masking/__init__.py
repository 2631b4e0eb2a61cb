"""From steps to messages: what is reasoning, what trains, and what graders may see."""

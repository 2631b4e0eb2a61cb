"""Rule packs that ship with cotmonitor, as package data."""

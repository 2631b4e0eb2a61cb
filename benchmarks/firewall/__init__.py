"""How often an audit sees a planted leak, and how often it sees one where there is none."""

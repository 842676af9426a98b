"""What a run did and where its money came from: attribution, markouts, charts; from the journal and the market."""

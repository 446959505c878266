"""Commands that show what runs do: explanations, reports, summaries."""

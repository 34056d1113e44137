"""Replays the incidents at full length with the exporter and the shipped rules, and generates the page about them."""

"""The platform's own objects, played through the exporter and judged by the shipped rules."""

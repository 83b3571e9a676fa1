"""`./run compatibility`: the wheel in other environments than ours, and what Airflow's own tests say there."""

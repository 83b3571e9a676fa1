-- Row-level security hides deals without a word: to a role that is not bound to the organization, every table is empty.
-- Each source has this test, so that dbt leaves the models above it as they are.
{% test is_seen(model, column_name) %}
select 'bind the role to the organization' as remedy
where not exists (select from {{ model }} where {{ column_name }} = '{{ env_var("HUBSPOT_ORGANIZATION_ID") }}')
{% endtest %}

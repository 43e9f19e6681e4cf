package population

func executionColumns() []Column {
	return []Column{
		{"execution_id", Text, "Id of the run."},
		{"agent", Text, "The agent, SQUAD/NAME."},
		{"squad", Text, "The squad of the agent."},
		{"trigger", Text, "What began it: manual, scheduled, event or smart."},
		{"trigger_detail", Text, "More of that, such as issue.labeled."},
		{"why", Text, "The reason that was given for it."},
		{"started_at", Time, "When it began."},
		{"completed_at", Time, "When it ended; null while it runs, and where that is unknown."},
		{"status", Text, "Where it stood at the checkpoint: running, success, failed, timeout, cancelled or lost."},
		{"status_reason", Text, "What the status rests on."},
		{"model", Text, "The model that gave most of the answers."},
		{"model_calls", Int, "How many calls of models are known; null if none is."},
		{"tokens_in", Int, "Input tokens, without those of caches; null unless all calls told them."},
		{"tokens_out", Int, "Output tokens; null unless all calls told them."},
		{"tokens_cache_read", Int, "Tokens read from a cache; null unless all calls told them."},
		{"tokens_cache_write", Int, "Tokens written to a cache; null unless all calls told them."},
		{"cost_micros", Int, "Cost in millionths of a US dollar; null unless it is known of all calls."},
		{"cost_known_micros", Int, "What is known of the cost, in millionths of a US dollar; null if nothing is."},
		{"cost_state", Text, "How the cost is known: measured, computed or unknown."},
		{"session_id", Text, "The client's session."},
		{"parent_id", Text, "The run that started it."},
		{"subagent", Text, "Kind of sub-agent, if it is a part of its parent's run."},
		{"on_behalf_of", Text, "The person who stands behind it, as a pseudonym."},
		{"on_behalf_auth", Text, "How that person was authenticated."},
		{"source", Text, "Who told of its start."},
		{"tags", JSON, "Tags that somebody gave it."},
		{"erased", JSON, "Names of the fields that were erased in events of it in this export; null if none was."},
	}
}

func policyColumns() []Column {
	return []Column{
		{"policy", Text, "What it is a policy of: commits or retention."},
		{"version", Text, "Its version, as events name it."},
		{"digest", Text, "SHA-256 of its text, if events name it."},
		{"first_at", Time, "When the first event of the period that names it happened."},
		{"last_at", Time, "When the last event of the period that names it happened."},
		{"events", Int, "How many events of the period name it."},
		{"first_event_id", Text, "The first of them in the log."},
	}
}

package whodid

import "slices"

// lifecycleKinds are the events that an execution and its session are made of.
func lifecycleKinds() []Kind {
	return []Kind{
		{
			Name: "execution.start", Meaning: "A run of an agent began.",
			Class: ClassRun, Folds: true,
			Fields: slices.Concat(usageless(), []Field{
				{"trigger", String, Technical, "What started it: manual, scheduled, event or smart."},
				{"trigger_detail", String, Linkable, "The event, schedule or condition behind the trigger."},
				{"model", String, Technical, "The model that was asked for."},
				{"parent", String, Technical, "The execution that started this one."},
				{"lease_seconds", Int, Technical, "How long the run may stay silent before it counts as lost."},
				{"program", String, Technical, "Base name of the program that was started."},
				{"client_version", String, Technical, "Version of the agent's client."},
				{"inferred", Bool, Technical, "True if no start was told and the run is known by its actions only."},
				{"cwd", String, Linkable, "Working directory, the home directory shortened to ~."},
				{"repository", String, Linkable, "Repository the run works in, as host/owner/name."},
				{"log", String, Technical, "Name of the log file, kept outside the database."},
			}),
		},
		{
			Name: "execution.renew", Meaning: "A run said that it is still going.",
			Class: ClassRun, Folds: true,
			Fields: []Field{{"lease_seconds", Int, Technical, "How long it may stay silent from now on."}},
		},
		{
			Name: "execution.finish", Meaning: "A run of an agent ended.",
			Class: ClassRun, Folds: true,
			Fields: slices.Concat(usageFields(), []Field{
				{"reason", String, Technical, "Why it ended: exit, signal, timeout, the client's own reason."},
				{"exit_code", Int, Technical, "Exit status of the process."},
				{"signal", String, Technical, "Signal that ended the process."},
			}),
		},
		{
			Name: "execution.lost", Meaning: "A run stopped reporting and its lease ran out.",
			Class: ClassRun, Folds: true,
			Fields: []Field{{"last_seen", String, Technical, "When the run was last heard of (RFC 3339, UTC)."}},
		},
		{
			Name: "execution.tag", Meaning: "Somebody tagged an execution; each metadata field is a tag.",
			Class: ClassRun, Folds: true, Open: true,
		},
		{
			Name: "session.start", Meaning: "A client's session began, or went on after a pause.",
			Class: ClassSession, Folds: true,
			Fields: slices.Concat(usageless(), []Field{
				{"reason", String, Technical, "What began it, as the client says: startup, resume, clear, compact or fork."},
				{"cwd", String, Linkable, "Working directory, the home directory shortened to ~."},
				{"model", String, Technical, "The model that the session began with."},
				{"client_version", String, Technical, "Version of the client."},
			}),
		},
		{
			Name: "session.end", Meaning: "A client's session ended.",
			Class:  ClassSession,
			Fields: []Field{{"reason", String, Technical, "Why, as the client says."}},
		},
		{
			Name: "turn.complete", Meaning: "The agent finished a turn and handed over.",
			Class: ClassRun, Folds: true,
			Fields: []Field{{"prompt", String, Technical, "The client's id of the prompt; never its text."}},
		},
		{
			Name: "turn.fail", Meaning: "A turn ended in an error of the client or of the model's service.",
			Class: ClassRun, Folds: true,
			Fields: []Field{
				{"prompt", String, Technical, "The client's id of the prompt; never its text."},
				{"error", String, Technical, "Kind of error, as a word."},
			},
		},
		{
			Name: "model.call", Meaning: "A model answered one request.",
			Class: ClassRun, Folds: true,
			Fields: slices.Concat(usageFields(), []Field{
				{"provider", String, Technical, "Who served the model."},
				{"request", String, Technical, "The service's id of the request."},
				{"message", String, Technical, "The service's id of the answer."},
				{"price_table", String, Technical, "Name and version of the table that priced it."},
				{"agent_id", String, Technical, "The client's id of the sub-agent that asked."},
				{"agent_type", String, Technical, "The client's name for the kind of sub-agent, where its id is not told."},
				{"run", String, Technical, "The run that the sub-agent is a part of; the call counts there too."},
			}),
		},
		{
			Name: "model.reprice", Meaning: "Calls of a model in an execution were priced anew; what they cost before stays recorded.",
			Class: ClassRun, Folds: true,
			Fields: []Field{
				{"model", String, Technical, "The model that answered."},
				{"calls", Int, Technical, "How many calls the figures are about."},
				{"cost_micros", Int, Technical, "What is known of their cost now, in millionths of a US dollar."},
				{"previous_micros", Int, Technical, "What was known of it before."},
				{"newly_known", Int, Technical, "Of how many calls the cost was not known before."},
				{"price_table", String, Technical, "Name and version of the table that priced them."},
				{"previous_table", List, Technical, "Tables behind the figure before."},
				{"agent_id", String, Technical, "The client's id of the sub-agent that asked."},
				{"run", String, Technical, "The run that the sub-agent is a part of; the difference counts there too."},
				{"end", String, Technical, "Event of the execution's end, if the figures are about the total that it stated."},
			},
		},
	}
}

// recordKinds are the events about the trail itself.
func recordKinds() []Kind {
	return []Kind{
		{
			Name: "record.gap", Meaning: "Something that should be in the trail is known to be missing.",
			Class: ClassPermanent,
			Fields: []Field{
				{"reason", String, Technical, "What is missing and why, in a fixed phrase."},
				{"count", Int, Technical, "How many records are missing, if known."},
				{"bytes", Int, Technical, "Size of what could not be read."},
				{"event", String, Technical, "Name of the foreign event, if it could be told."},
			},
		},
		{
			Name: "record.sync", Meaning: "A part of another trail was taken in; its events stand before this one, under the keys that they have there.",
			Class: ClassPermanent,
			Fields: []Field{
				{"origin", String, Technical, "Name of the other trail's log."},
				{"first", Int, Technical, "Index of the part's first event in that log."},
				{"last", Int, Technical, "Index of its last event there."},
				{"count", Int, Technical, "How many events were sent."},
				{"refused", Int, Technical, "How many of them could not be taken in."},
			},
		},
		{
			Name: "checkpoint.witness", Meaning: "A checkpoint was placed where the operator can't rewrite it.",
			Class: ClassPermanent,
			Fields: []Field{
				{"witness", String, Technical, "Kind of witness: git, or a witness's name."},
				{"size", Int, Technical, "Tree size of the checkpoint."},
				{"root", String, Technical, "Root hash, hexadecimal."},
				{"ref", String, Technical, "Where it lies, such as a git ref and commit."},
			},
		},
	}
}

// usageless are the fields about the client that every start carries.
func usageless() []Field {
	return []Field{
		{"client", String, Technical, "The agent's client, such as claude-code."},
		{"agent_id", String, Technical, "The client's id of a sub-agent."},
		{"agent_type", String, Technical, "The client's name for the kind of sub-agent."},
	}
}

// usageFields are what a model call used and cost. Tokens of the input exclude
// those read from or written to a cache.
func usageFields() []Field {
	return []Field{
		{"model", String, Technical, "The model that answered."},
		{"input_tokens", Int, Technical, "Input tokens, cache excluded."},
		{"output_tokens", Int, Technical, "Output tokens."},
		{"cache_read_tokens", Int, Technical, "Input tokens read from a cache."},
		{"cache_write_tokens", Int, Technical, "Input tokens written to a cache, all lifetimes together."},
		{"cache_write_1h_tokens", Int, Technical, "Those of them written for an hour."},
		{"cost_micros", Int, Technical, "Cost in millionths of a US dollar; absent is unknown."},
		{"cost_state", String, Technical, "How the cost is known: measured (its source said so), computed (from a price table) or unknown."},
	}
}

// actionFields are the metadata that any action may carry.
func actionFields() []Field {
	return []Field{
		{"tool", String, Technical, "Name of the client's tool."},
		{"call", String, Technical, "The client's id of the tool call."},
		{"part", Int, Technical, "Which part of the call it is, where one call did several things."},
		{"agent_id", String, Technical, "The client's id of the sub-agent that acted."},
		{"duration_ms", Int, Technical, "How long it took, in milliseconds."},
		{"permission_mode", String, Technical, "The client's permission mode at the time."},
		{"reason", String, Technical, "Why it did not succeed, in a fixed phrase."},
		{"program", String, Technical, "Base name of the program."},
		{"subcommand", String, Technical, "Its sub-command, from a known list."},
		{"exit_code", Int, Technical, "Exit status."},
		{"count", Int, Technical, "How many things were done."},
		{"sudo", Bool, Technical, "True if it ran with raised rights."},
		{"force", Bool, Technical, "True if it was forced."},
		{"amend", Bool, Technical, "True if it replaced the last commit."},
		{"sha", String, Technical, "Commit id."},
		{"branch", String, Linkable, "Branch."},
		{"url", String, Linkable, "URL without user, query and fragment."},
		{"number", Int, Technical, "Number of the issue or pull request."},
		{"package", String, Linkable, "Package that was published."},
		{"version", String, Technical, "Its version."},
		{"environment", String, Technical, "Environment acted upon."},
		{"bytes", Int, Technical, "Size of what was read or written."},
		{"lines", Int, Technical, "Lines read."},
		{"lines_added", Int, Technical, "Lines added to the file."},
		{"lines_removed", Int, Technical, "Lines removed from the file."},
		{"server", String, Technical, "Name of the MCP server."},
		{"child", String, Technical, "The execution that the action started."},
		{"decision", String, Technical, "What was decided about permission."},
		{"rule", String, Technical, "Rule of the policy that decided, such as OPS-010."},
	}
}

// budgetFields say which budget was exceeded, and by what.
func budgetFields() []Field {
	return []Field{
		{"scope", String, Technical, "Who has the budget: run, agent, squad or org."},
		{"subject", String, Technical, "Whose it is: an execution, an agent, a squad or org."},
		{"period", String, Technical, "Day or month in UTC; absent for a run."},
		{"limited", String, Technical, "What was exceeded: cost_micros, tokens, minutes, actions or loops."},
		{"most", Int, Technical, "The limit."},
		{"used", Int, Technical, "What is known to be used."},
		{"unknown", Int, Technical, "Of how many runs it is not known what they used."},
		{"hard", Bool, Technical, "True if what goes beyond it is refused."},
	}
}

// actionKinds are what agents do. The names are the founding vocabulary and
// what the tools of today's agents add to it.
func actionKinds() []Kind {
	names := [][2]string{
		{"agent.spawn", "A sub-agent was started."},
		{"branch.create", "A branch was made."},
		{"branch.merge", "A branch was merged."},
		{"budget.exceed", "A budget of the policy, the target, was exceeded: failed if it only tells, blocked if it refuses."},
		{"build.run", "A build was run."},
		{"commit.create", "A commit was made."},
		{"commit.push", "Commits were pushed."},
		{"deploy.production", "Something was deployed to production."},
		{"file.delete", "A file was deleted."},
		{"file.edit", "A part of a file was changed."},
		{"file.move", "A file was moved."},
		{"file.read", "A file was read."},
		{"file.search", "Files were searched or listed."},
		{"file.write", "A file was written."},
		{"goal.set", "A goal was set."},
		{"infra.change", "Infrastructure was changed."},
		{"issue.close", "An issue was closed."},
		{"issue.comment", "An issue was commented on."},
		{"issue.create", "An issue was opened."},
		{"mcp.call", "A tool of an MCP server was called."},
		{"memory.update", "The agent's memory was changed."},
		{"pr.close", "A pull request was closed without merging."},
		{"pr.comment", "A pull request was commented on."},
		{"pr.create", "A pull request was opened."},
		{"pr.merge", "A pull request was merged."},
		{"pr.review", "A pull request was reviewed."},
		{"release.draft", "A release was drafted."},
		{"release.publish", "A release or package was published."},
		{"schema.migrate", "A database schema was migrated."},
		{"secret.rotate", "A secret was set or rotated."},
		{"shell.run", "A command was run that the trail has no better word for."},
		{"tag.create", "A git tag was made."},
		{"test.run", "Tests were run."},
		{"tool.call", "A tool was called that the trail has no better word for."},
		{"trigger.fire", "A trigger was fired."},
		{"web.fetch", "A page was fetched."},
		{"web.search", "The web was searched."},
		{"workflow.run", "A workflow of a forge was started."},
	}
	kinds := make([]Kind, len(names))
	for i, n := range names {
		kinds[i] = Kind{
			Name: n[0], Meaning: n[1], Class: ClassRun,
			Action: true, Open: true, Fields: actionFields(),
		}
		if n[0] == "budget.exceed" {
			kinds[i].Fields = append(kinds[i].Fields, budgetFields()...)
		}
	}
	return kinds
}

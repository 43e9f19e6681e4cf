package whodid

// gitKinds are what the trail learns from the history of repositories.
func gitKinds() []Kind {
	return []Kind{
		{
			Name: "commit.attribute", Meaning: "A commit in a repository's history was found to be an agent's.",
			Class: ClassPermanent,
			Fields: []Field{
				{"repository", String, Linkable, "Repository as host/owner/name, or root/ and the id of its first commit."},
				{"sha", String, Technical, "Commit id."},
				{"kind", String, Technical, "Whose work it is: agent, or assisted for a person's with an agent's help."},
				{"evidence", List, Technical, "What that rests on, the strongest first."},
				{"form", String, Technical, "Shape in which the trailers were found; git if git reads them."},
				{"executions", List, Technical, "Runs that the commit names."},
				{"more_executions", Int, Technical, "How many more it names."},
				{"agents", List, Technical, "Full names of the agents that it names."},
				{"triggers", List, Linkable, "What started the runs, as the commit says."},
				{"models", List, Technical, "Models that it names."},
				{"credits", List, Technical, "Agents that other conventions name."},
				{"checkpoints", List, Technical, "Ids of Entire checkpoints."},
				{"sessions", List, Technical, "Sessions that a note of git-ai names, as tool and id."},
				{"agent_lines", Int, Technical, "Lines that a note of git-ai gives to agents."},
				{"author", String, Linkable, "Pseudonym of the author."},
				{"authored_at", String, Technical, "When it was written (RFC 3339, UTC)."},
				{"parents", Int, Technical, "How many parents it has."},
				{"related", List, Technical, "Commits that it reverts, was picked from or squashes."},
				{"number", Int, Technical, "Number of the pull request that it names."},
				{"files", Int, Technical, "How many files it changed."},
				{"lines_added", Int, Technical, "Lines added."},
				{"lines_removed", Int, Technical, "Lines removed."},
				{"cut", Bool, Technical, "True if the message was too long to be read whole."},
			},
		},
		{
			Name: "git.index", Meaning: "The history of a repository was read into the trail.",
			Class: ClassPermanent,
			Fields: []Field{
				{"repository", String, Linkable, "Repository as host/owner/name, or root/ and the id of its first commit."},
				{"refs", Int, Technical, "How many commits its refs stand at."},
				{"commits", Int, Technical, "How many commits were read."},
				{"attributed", Int, Technical, "How many of them are an agent's or name one."},
				{"tips", String, Technical, "Digest of the commits that its refs stand at."},
				{"shallow", Bool, Technical, "True if its history was cut off when it was cloned."},
				{"partial", Bool, Technical, "True if what the commits changed was not at hand."},
			},
		},
	}
}

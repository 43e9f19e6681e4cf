package whodid

// memoryKinds are what was decided, why, and what came of it. They are kept for
// ever: summaries stand beside what they summarise and replace nothing.
func memoryKinds() []Kind {
	decided := []Field{
		{"decided", String, Linkable, "What was decided, in a sentence or two."},
		{"alternatives", List, Linkable, "What was considered and refused."},
		{"expected", String, Linkable, "The outcome that was expected."},
		{"supported_by", List, Linkable, "Where what it rests on can be found: paths, URLs, ids."},
		{"commit", String, Technical, "Commit that it belongs to."},
		{"issue", String, Linkable, "Issue or pull request that it belongs to."},
		{"repository", String, Linkable, "Repository that it is about, as host/owner/name or owner/name."},
		{"path", String, Linkable, "File that it was imported from, within its repository."},
		{"origin", String, Technical, "Kind of file that it was imported from: adr or notes."},
		{"said_status", String, Technical, "Standing that the imported file tells, such as proposed or accepted."},
	}
	return []Kind{
		{
			Name: "decision.record", Meaning: "Somebody decided something; why says the reasoning, the target is the subject.",
			Class: ClassPermanent, Fields: decided,
		},
		{
			Name: "decision.supersede", Meaning: "A decision, the target, no longer stands; another may have taken its place.",
			Class:  ClassPermanent,
			Fields: []Field{{"by", String, Technical, "The decision that took its place."}},
		},
		{
			Name: "decision.outcome", Meaning: "Somebody told what came of a decision, the target.",
			Class: ClassPermanent,
			Fields: []Field{
				{"effect", String, Linkable, "What came of it."},
				{"met", String, Technical, "Whether the expectation was met: yes, no or partly."},
				{"supported_by", List, Linkable, "Where that can be seen: paths, URLs, ids."},
			},
		},
		{
			Name: "decision.summarize", Meaning: "Somebody summarised several decisions, which stay; the target is the subject.",
			Class: ClassPermanent,
			Fields: []Field{
				{"decided", String, Linkable, "The summary."},
				{"sources", List, Technical, "The decisions that it summarises, as event ids."},
				{"sources_root", String, Technical, "Root of the Merkle tree over their leaf hashes in that order, hexadecimal (RFC 6962)."},
			},
		},
	}
}

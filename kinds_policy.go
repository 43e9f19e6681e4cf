package whodid

// policyKinds are which policies hold, what they say of commits, and who excused
// some.
func policyKinds() []Kind {
	return []Kind{
		{
			Name: "exception.add", Meaning: "Somebody excused commits from a rule of the policy for a while; why says the reason.",
			Class: ClassPermanent,
			Fields: []Field{
				{"rule", String, Technical, "Rule of the policy, such as ORG-001."},
				{"expires", String, Technical, "First moment at which it holds no more (RFC 3339, UTC)."},
				{"paths", List, Linkable, "Globs of the files that it is about."},
				{"branches", List, Linkable, "Globs of the branches that it is about."},
				{"agents", List, Technical, "Globs of the agents that it is about."},
				{"shas", List, Technical, "Commits that it is about, maybe abbreviated."},
			},
		},
		{
			Name: "policy.change", Meaning: "Another version of the policies that hold for an organisation came into force at a server.",
			Class: ClassPermanent,
			Fields: []Field{
				{"policy", String, Technical, "Version of the policy."},
				{"policy_digest", String, Technical, "SHA-256 of the policy's text, hexadecimal."},
			},
		},
		{
			Name: "policy.verdict", Meaning: "A commit was judged by a rule of the policy.",
			Class: ClassPermanent,
			Fields: []Field{
				{"sha", String, Technical, "Commit id."},
				{"rule", String, Technical, "Rule of the policy, such as ORG-001."},
				{"outcome", String, Technical, "What came of it: pass, excepted, warned or violated."},
				{"severity", String, Technical, "Severity of the rule: blocker or warning."},
				{"findings", List, Technical, "Codes of what was wrong."},
				{"exception", String, Technical, "The exception that excused it: an event, or a line of the policy."},
				{"policy", String, Technical, "Version of the policy."},
				{"policy_digest", String, Technical, "SHA-256 of the policy's text, hexadecimal."},
				{"executions", List, Technical, "Runs that the commit names."},
			},
		},
	}
}

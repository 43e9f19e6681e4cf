package whodid

// approvalKinds are the requests for approvals, the decisions on them, and their
// use. Each approval has one request, at most one decision and at most one use;
// see [ApprovalKey].
func approvalKinds() []Kind {
	digest := Field{"digest", String, Technical, "Digest of the exact arguments, see ApprovalDigest."}
	return []Kind{
		{
			Name: "approval.request", Meaning: "Somebody asked for approval of an action, the target's; why says what for.",
			Class: ClassPermanent,
			Fields: []Field{
				digest,
				{"type", String, Technical, "The action that is to be done, such as pr.merge."},
				{"for_agent", String, Technical, "The agent that is to do it, squad/name."},
				{"summary", String, Linkable, "What is to be done, in words that a person can judge."},
				{"level", String, Technical, "What the policy asks: approve or confirm."},
				{"rule", String, Technical, "Rule of the policy, such as ORG-001."},
				{"policy", String, Technical, "Version of the policy."},
				{"policy_digest", String, Technical, "SHA-256 of the policy's text, hexadecimal."},
				{"expires", String, Technical, "First moment at which it holds no more (RFC 3339, UTC)."},
				{"tool", String, Technical, "Name of the client's tool."},
				{"call", String, Technical, "The client's id of the tool call."},
				{"four_eyes", Bool, Technical, "True if the person behind the agent must not decide."},
				{"signature_required", Bool, Technical, "True if a decision without a signature does not count."},
			},
		},
		{
			Name: "approval.grant", Meaning: "A person approved a request; why says the reason.",
			Class: ClassPermanent, Fields: decisionFields(digest),
		},
		{
			Name: "approval.reject", Meaning: "A person rejected a request; why says the reason.",
			Class: ClassPermanent, Fields: decisionFields(digest),
		},
		{
			Name: "approval.cancel", Meaning: "A request was withdrawn before anybody decided on it.",
			Class: ClassPermanent,
		},
		{
			Name: "approval.expire", Meaning: "A request ran out before anybody decided on it.",
			Class: ClassPermanent,
		},
		{
			Name: "approval.use", Meaning: "What was approved was begun: the approval is used up.",
			Class: ClassPermanent,
			Fields: []Field{
				digest,
				{"tool", String, Technical, "Name of the client's tool."},
				{"call", String, Technical, "The client's id of the tool call."},
			},
		},
	}
}

func decisionFields(digest Field) []Field {
	return []Field{
		digest,
		{"expires", String, Technical, "First moment at which it holds no more (RFC 3339, UTC)."},
		{"signature", List, Technical, "Signature of the statement, as SSH makes it, in parts (SSHSIG, PEM)."},
		signingKey(),
	}
}

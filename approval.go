package whodid

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// ApprovalState is where an approval stands.
type ApprovalState string

// The states of an approval.
const (
	ApprovalPending   ApprovalState = "pending"
	ApprovalApproved  ApprovalState = "approved"
	ApprovalRejected  ApprovalState = "rejected"
	ApprovalExpired   ApprovalState = "expired"
	ApprovalCancelled ApprovalState = "cancelled"
	// ApprovalUsed is an approval under which something was begun. It holds
	// for nothing else.
	ApprovalUsed ApprovalState = "used"
)

// ApprovalStates lists every state.
func ApprovalStates() []ApprovalState {
	return []ApprovalState{ApprovalPending, ApprovalApproved, ApprovalRejected, ApprovalExpired, ApprovalCancelled, ApprovalUsed}
}

// Approval is what its request, its decision and its use add up to; see
// [FoldApproval].
type Approval struct {
	ID string
	// State is where it stands at the moment that was asked about.
	State ApprovalState
	// Flaw says why the decision that was recorded does not count; empty if it
	// does. An approval with a flaw is rejected.
	Flaw string

	// What was asked:
	Type, Target, Agent string
	Summary, Why        string
	Digest              string
	Level, Rule         string
	Execution           string
	RequestedBy         string // as an actor
	OnBehalfOf          string // the person behind the agent, as an actor
	RequestedAt         time.Time
	ExpiresAt           time.Time // when the request runs out; zero if never
	FourEyes            bool
	SignatureRequired   bool

	// What was decided; zero while nobody decided.
	DecidedBy, DecidedAuth string
	DecidedAt              time.Time
	Reason                 string
	ValidUntil             time.Time // when the grant runs out; zero if never
	Signature, SigningKey  string
	Decision               string // id of the event

	// What it was used for; zero while it is not.
	UsedBy string
	UsedAt time.Time
	Use    string // id of the event
	// UsedCall is the client's id of the tool call that it was used for, within
	// UsedExecution; empty if no client asked.
	UsedCall, UsedExecution string
}

// The parts of an approval. Each has one place in the trail: an approval's
// decision has the same key whatever it is and whoever takes it, so that of two
// that are taken at once the trail holds the first, and never both.
const (
	ApprovalRequestPart  = "request"
	ApprovalDecisionPart = "decision"
	ApprovalUsePart      = "use"
)

// ApprovalKey is the natural key of a part of an approval.
func ApprovalKey(approval, part string) string { return "approval/" + approval + "/" + part }

// isApprovalKey reports whether a key belongs to approvals; nothing else may
// take such a place in the trail.
func isApprovalKey(key string) bool { return strings.HasPrefix(key, "approval/") }

// approvalPart returns the part of an approval that a kind of event is, or "".
func approvalPart(what string) string {
	switch what {
	case "approval.request":
		return ApprovalRequestPart
	case "approval.grant", "approval.reject", "approval.cancel", "approval.expire":
		return ApprovalDecisionPart
	case "approval.use":
		return ApprovalUsePart
	default:
		return ""
	}
}

// validateApproval sees to it that the parts of approvals, and nothing else,
// take their places.
func (e *Event) validateApproval() error {
	part := approvalPart(e.What)
	switch {
	case part == "" && isApprovalKey(e.Key):
		return fmt.Errorf("the key %q is that of an approval, which a %s is not", e.Key, e.What)
	case part == "":
		return nil
	case !ValidID(e.Approval) || !strings.HasPrefix(e.Approval, PrefixApproval+"-"):
		return fmt.Errorf("approval %q is not an id such as appr-7k2m9q4tz8w1c3ab", e.Approval)
	case e.Key != ApprovalKey(e.Approval, part):
		return fmt.Errorf("the key of %s must be %q", e.What, ApprovalKey(e.Approval, part))
	case (e.What == "approval.grant" || e.What == "approval.reject") && !IsHuman(e.Actor):
		return fmt.Errorf("%s is for people; %s is none", e.What, e.Actor)
	case (e.What == "approval.grant" || e.What == "approval.reject") && e.Actor == ErasedPerson:
		return fmt.Errorf("%s is for people who are known; %s stands for one who is not", e.What, e.Actor)
	case e.What != "approval.cancel" && e.What != "approval.expire" && e.Data.String("digest") == "":
		// Without one it would pass for an event whose metadata was erased.
		return fmt.Errorf("%s has no digest of the arguments", e.What)
	default:
		return nil
	}
}

// ApprovalDigest is the digest of what is to be approved, to the letter: the
// action, its target, the agent and its arguments. It is the SHA-256 of their
// canonical JSON (RFC 8785), as "sha256:" and hexadecimal digits.
func ApprovalDigest(action, target, agent string, arguments Data) string {
	b := []byte(`{"action":`)
	b = AppendJSONString(b, action)
	b = append(b, `,"agent":`...)
	b = AppendJSONString(b, agent)
	b = append(b, `,"arguments":`...)
	b = append(b, arguments.Canonical()...)
	b = append(b, `,"target":`...)
	b = AppendJSONString(b, target)
	b = append(b, '}')
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ApprovalStatement is what a person signs who decides: the exact bytes. It binds
// the decision to the approval, to the arguments by their digest, to its end and
// to the reason.
func ApprovalStatement(approval string, approve bool, digest, actor string, until time.Time, reason string) []byte {
	decision, expires := "reject", "never"
	if approve {
		decision = "approve"
	}
	if !until.IsZero() {
		expires = until.UTC().Format(time.RFC3339)
	}
	sum := sha256.Sum256([]byte(reason))
	return fmt.Appendf(nil, "whodid approval decision v1\napproval: %s\ndecision: %s\narguments: %s\nby: %s\nexpires: %s\nreason: sha256:%x\n",
		approval, decision, digest, actor, expires, sum)
}

// SSHNamespace is the namespace of signatures of approvals (ssh-keygen -Y sign
// -n): a signature that was made for anything else does not count.
const SSHNamespace = "approval@whodid"

// FoldApproval adds up the events of one approval, as it stands at now. Their
// order makes no difference: each part is there at most once. ok is false if
// there is no request among them.
func FoldApproval(events []Event, now time.Time) (a Approval, ok bool) {
	var request, decision, use *Event
	for i := range events {
		switch e := &events[i]; approvalPart(e.What) {
		case ApprovalRequestPart:
			request = e
		case ApprovalDecisionPart:
			decision = e
		case ApprovalUsePart:
			use = e
		}
	}
	if request == nil {
		return Approval{}, false
	}
	a.applyRequest(request)
	a.applyDecision(decision)
	a.applyUse(use)
	a.settle(now)
	return a, true
}

func (a *Approval) applyRequest(e *Event) {
	a.ID, a.Target, a.Why, a.Execution = e.Approval, e.Target, e.Why, e.Execution
	a.Type, a.Agent, a.Summary = e.Data.String("type"), e.Data.String("for_agent"), e.Data.String("summary")
	a.Digest, a.Level, a.Rule = e.Data.String("digest"), e.Data.String("level"), e.Data.String("rule")
	a.FourEyes, a.SignatureRequired = e.Data.Bool("four_eyes"), e.Data.Bool("signature_required")
	a.RequestedBy, a.OnBehalfOf, a.RequestedAt = e.Actor, e.OnBehalfOf, e.RecordedAt
	a.ExpiresAt = timeIn(e.Data, "expires")
	a.State = ApprovalPending
}

func timeIn(d Data, name string) time.Time {
	t, err := time.Parse(time.RFC3339, d.String(name))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// applyDecision takes the decision for what it is, or finds its flaw. The time
// that counts is that of the trail's clock.
func (a *Approval) applyDecision(e *Event) {
	if e == nil {
		return
	}
	a.Decision, a.DecidedBy, a.DecidedAuth, a.DecidedAt, a.Reason = e.ID, e.Actor, e.ActorAuth, e.RecordedAt, e.Why
	switch e.What {
	case "approval.cancel":
		a.State = ApprovalCancelled
		return
	case "approval.expire":
		a.State = ApprovalExpired
		return
	}
	a.ValidUntil = timeIn(e.Data, "expires")
	a.Signature, a.SigningKey = strings.Join(e.Data.List("signature"), ""), e.Data.String("signing_key")
	a.Flaw = a.flawOf(e)
	a.State = ApprovalRejected
	if a.Flaw == "" && e.What == "approval.grant" {
		a.State = ApprovalApproved
	}
}

// flawOf says why a decision does not count, or is empty.
func (a *Approval) flawOf(e *Event) string {
	// What was erased can't be looked at again; a decision that had a flaw when
	// its person was erased is left without any actor. Every request and decision
	// was recorded with a digest.
	digest, known := e.Data.String("digest"), e.Actor != ErasedPerson
	switch {
	case e.Actor == "":
		return "it did not count when its person was erased"
	case !IsHuman(e.Actor):
		return "only people decide; " + e.Actor + " is none"
	case known && e.Actor == a.RequestedBy:
		return "nobody decides on their own request"
	case known && a.FourEyes && e.Actor == a.OnBehalfOf:
		return "the policy asks for a second person"
	case digest != a.Digest && digest != "" && a.Digest != "":
		return "it is about other arguments"
	case a.SignatureRequired && a.Signature == "" && digest != "":
		return "the policy asks for a signature"
	case !a.ExpiresAt.IsZero() && !e.RecordedAt.Before(a.ExpiresAt):
		return "it came after the request had run out"
	default:
		return ""
	}
}

func (a *Approval) applyUse(e *Event) {
	if e == nil {
		return
	}
	a.Use, a.UsedBy, a.UsedAt = e.ID, e.Actor, e.RecordedAt
	a.UsedCall, a.UsedExecution = e.Data.String("call"), e.Execution
	digest := e.Data.String("digest")
	if a.State == ApprovalApproved && (digest == a.Digest || digest == "" || a.Digest == "") && (a.ValidUntil.IsZero() || e.RecordedAt.Before(a.ValidUntil)) {
		a.State = ApprovalUsed
	}
}

// settle lets what ran out until now be expired.
func (a *Approval) settle(now time.Time) {
	switch {
	case a.State == ApprovalPending && !a.ExpiresAt.IsZero() && !now.Before(a.ExpiresAt),
		a.State == ApprovalApproved && !a.ValidUntil.IsZero() && !now.Before(a.ValidUntil):
		a.State = ApprovalExpired
	}
}

// Covers says why the approval does not allow an agent to do what has that
// digest at now, or is empty if it does.
func (a *Approval) Covers(agent, digest string, now time.Time) string {
	b := *a
	b.settle(now)
	switch {
	case b.State != ApprovalApproved:
		return "it is " + string(b.State)
	case b.Agent != agent:
		return "it is for " + b.Agent
	case b.Digest != digest:
		return "it is for other arguments"
	case b.Use != "":
		return "it was used for something else"
	default:
		return ""
	}
}

// Allowed says why the approval does not allow an action that was done, or is
// empty if it does. The action's arguments are not in the trail; what was done by
// the tool call that used the approval had just those that it is bound to, and
// else action and target must be its own.
func (a *Approval) Allowed(e *Event) string {
	agent := AgentOf(e.Actor)
	switch {
	case a.Flaw != "":
		return "its decision does not count: " + a.Flaw
	case a.State == ApprovalExpired && a.ValidUntil.IsZero():
		return "the request ran out before anybody decided"
	case a.State == ApprovalPending, a.State == ApprovalRejected, a.State == ApprovalCancelled:
		return "it is " + string(a.State)
	case a.DecidedAt.After(e.RecordedAt):
		return "it was approved only after the action was recorded"
	case a.State == ApprovalExpired && !e.At.Before(a.ValidUntil):
		return "it had run out"
	}
	switch {
	case a.Agent != agent:
		return "it is for " + a.Agent
	case a.UsedCall != "" && e.Data.String("call") != "":
		if a.UsedCall != e.Data.String("call") || a.UsedExecution != e.Execution {
			return "it was used by another call"
		}
		return ""
	case a.Type != e.What || a.Target != e.Target:
		return "it is for other arguments"
	case a.Use == "" && e.Data.String("call") != "":
		return "it was not used for this call, whose arguments may be others"
	default:
		return ""
	}
}

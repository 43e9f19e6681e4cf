// Package approval lets people decide what agents may do: requests, decisions,
// and their use, each at most once. It works over the store and the recorder;
// what an approval is, the root package says.
package approval

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof/sshsig"
)

// The errors of deciding and using. Each is wrapped with what stands instead.
var (
	// ErrDecided means that somebody decided before.
	ErrDecided = errors.New("it is decided already")
	// ErrExpired means that the request or the grant ran out.
	ErrExpired = errors.New("it has run out")
	// ErrNotAllowed means that who decides may not: an agent, or who asked.
	ErrNotAllowed = errors.New("not allowed")
	// ErrSignature means that a signature is missing or does not hold.
	ErrSignature = errors.New("the signature does not count")
	// ErrNotCovered means that the approval does not allow what is to be done.
	ErrNotCovered = errors.New("the approval does not cover it")
)

// Recorder takes events into the trail, each once: of two with one key it
// returns the one that was new. internal/record is the implementation.
type Recorder interface {
	Record(ctx context.Context, events ...whodid.Event) ([]*store.Row, error)
}

// Trail reads the parts of approvals. internal/store is the implementation.
type Trail interface {
	ApprovalParts(ctx context.Context, org string, ids []string) (map[string][]whodid.Event, error)
	ApprovalRequests(ctx context.Context, org string, f store.ApprovalFilter) ([]store.Row, error)
	LastOfKey(ctx context.Context, org, fingerprint string) (whodid.Event, bool, error)
}

// Service is where approvals of one organisation are asked for and decided. It
// is safe for concurrent use, by any number of processes.
type Service struct {
	org      string
	recorder Recorder
	trail    Trail
	now      func() time.Time
	asked    func()
	signers  *sshsig.AllowedSigners // whose signatures count; nil is nobody's
}

// Tell has a function called after each new request of [Service.Pass], before it
// waits: somebody should tell the people who decide.
func (s *Service) Tell(asked func()) { s.asked = asked }

// Expire writes down which of the last requests ran out before anybody decided.
func (s *Service) Expire(ctx context.Context) error {
	const enough = 200 // requests that are looked at each time
	requests, err := s.trail.ApprovalRequests(ctx, s.org, store.ApprovalFilter{Limit: enough})
	if err != nil {
		return err
	}
	ids := make([]string, len(requests))
	for i := range requests {
		ids[i] = requests[i].Approval
	}
	parts, err := s.trail.ApprovalParts(ctx, s.org, ids)
	if err != nil {
		return err
	}
	expire := Who{Actor: whodid.System, Source: "system"}
	for _, id := range ids {
		a, ok := whodid.FoldApproval(parts[id], s.now())
		if !ok || a.State != whodid.ApprovalExpired || a.Decision != "" {
			continue
		}
		if _, err := s.decide(ctx, expire.event("approval.expire", id, whodid.ApprovalDecisionPart, s.now())); err != nil && !errors.Is(err, ErrDecided) {
			return err
		}
	}
	return nil
}

// Trust says whose signatures count, where one is asked for. Without it none does.
func (s *Service) Trust(signers *sshsig.AllowedSigners) { s.signers = signers }

// New makes the service of an organisation. now is the trail's clock.
func New(org string, r Recorder, t Trail, now func() time.Time) *Service {
	return &Service{org: org, recorder: r, trail: t, now: now}
}

// Who acts, as an actor, and how that is known.
type Who struct {
	Actor, Auth              string
	OnBehalfOf, OnBehalfAuth string
	Execution                string
	Source                   string
}

func (w *Who) event(what, approval, part string, at time.Time) whodid.Event {
	return whodid.Event{
		Key: whodid.ApprovalKey(approval, part), What: what, Approval: approval, At: at, Source: w.Source, Execution: w.Execution,
		Actor: w.Actor, ActorAuth: w.Auth, OnBehalfOf: w.OnBehalfOf, OnBehalfAuth: w.OnBehalfAuth, Data: whodid.Data{},
	}
}

// Request is what is asked for.
type Request struct {
	// Type is the action, Target what it is to be done on and Agent who is to do
	// it.
	Type, Target, Agent string
	// Arguments are those that the digest is made of, besides. They are not kept.
	Arguments whodid.Data
	// Exactly is their digest, where somebody else made it; empty makes it here.
	Exactly string
	// Summary says it in words that a person can judge; it is kept.
	Summary string
	Why     string
	// Level, Rule, Policy and PolicyDigest are what the policy asks.
	Level, Rule, Policy, PolicyDigest string
	Tool, Call                        string // of the client, if one asks
	TTL                               time.Duration
	FourEyes, SignatureRequired       bool
}

// Under adds what a policy asks of the action, and a summary if there is none. What
// the request asks for already is not taken back.
func (r *Request) Under(rules *policy.Policy) {
	level, rule := rules.LevelOf(&policy.Act{Type: r.Type, Target: r.Target, Agent: r.Agent, Environment: r.Arguments.String("environment"), Branch: r.Arguments.String("branch")})
	r.Level, r.Policy, r.PolicyDigest = string(level), rules.Version, rules.Digest
	if rule != nil {
		r.Rule = rule.ID
	}
	r.FourEyes, r.SignatureRequired = r.FourEyes || rules.Approvals.FourEyes, r.SignatureRequired || rules.Approvals.Signature
	if r.TTL == 0 {
		r.TTL = rules.Approvals.RequestTTL
	}
	if r.Summary == "" {
		words := []string{r.Type, r.Target}
		for _, name := range slices.Sorted(maps.Keys(r.Arguments)) {
			words = append(words, name+"="+r.Arguments.String(name))
		}
		r.Summary = strings.Join(words, " ")
	}
}

// Digest is the digest of the exact arguments.
func (r *Request) Digest() string {
	return whodid.ApprovalDigest(r.Type, r.Target, r.Agent, r.Arguments)
}

// Request asks for an approval, and returns it: pending. Each call makes a new
// one.
func (s *Service) Request(ctx context.Context, r *Request, who Who) (whodid.Approval, error) {
	id := whodid.NewID(whodid.PrefixApproval)
	now := s.now()
	e := who.event("approval.request", id, whodid.ApprovalRequestPart, now)
	e.Target, e.Why = r.Target, r.Why
	digest := r.Exactly
	if digest == "" {
		digest = r.Digest()
	}
	for name, value := range map[string]string{
		"type": r.Type, "for_agent": r.Agent, "summary": r.Summary, "digest": digest, "level": r.Level,
		"rule": r.Rule, "policy": r.Policy, "policy_digest": r.PolicyDigest, "tool": r.Tool, "call": r.Call,
	} {
		if value != "" {
			e.Data[name] = value
		}
	}
	if r.TTL > 0 {
		e.Data["expires"] = now.Add(r.TTL).UTC().Format(time.RFC3339)
	}
	if r.FourEyes {
		e.Data["four_eyes"] = true
	}
	if r.SignatureRequired {
		e.Data["signature_required"] = true
	}
	if _, err := s.recorder.Record(ctx, e); err != nil {
		return whodid.Approval{}, err
	}
	return s.Get(ctx, id)
}

// Get returns an approval as it stands now, or store.ErrNotFound.
func (s *Service) Get(ctx context.Context, id string) (whodid.Approval, error) {
	parts, err := s.trail.ApprovalParts(ctx, s.org, []string{id})
	if err != nil {
		return whodid.Approval{}, err
	}
	a, ok := whodid.FoldApproval(parts[id], s.now())
	if !ok {
		return whodid.Approval{}, fmt.Errorf("approval %s: %w", id, store.ErrNotFound)
	}
	return a, nil
}

// folded are an agent's approvals of just this, the newest first.
func (s *Service) folded(ctx context.Context, agent, digest string) ([]whodid.Approval, error) {
	const enough = 50 // of one agent's requests for the very same
	requests, err := s.trail.ApprovalRequests(ctx, s.org, store.ApprovalFilter{Digest: digest, Limit: enough})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(requests))
	for i := range requests {
		ids[i] = requests[i].Approval
	}
	parts, err := s.trail.ApprovalParts(ctx, s.org, ids)
	if err != nil {
		return nil, err
	}
	now := s.now()
	var all []whodid.Approval
	for _, id := range ids {
		if a, ok := whodid.FoldApproval(parts[id], now); ok && a.Agent == agent {
			all = append(all, a)
		}
	}
	return all, nil
}

// Decision is what a person decides.
type Decision struct {
	Approve bool
	Reason  string
	// TTL is how long a grant holds; 0 is for ever, until it is used.
	TTL time.Duration
	// Until is until when it holds, in the place of TTL; zero is not said.
	Until time.Time
	// Checked refuses a signature that does not count, even if none is asked for.
	Checked bool
	// Sign signs the statement with a key of the person; nil does not. It
	// returns the signature as SSH makes it and the key's fingerprint.
	Sign func(statement []byte) (armored []byte, fingerprint string, err error)
}

// Decide takes a person's decision on a pending approval. Of several that are
// taken at once the first that the trail takes counts; the others get
// ErrDecided and what stands.
func (s *Service) Decide(ctx context.Context, id string, d *Decision, who Who) (whodid.Approval, error) {
	a, statement, until, err := s.Statement(ctx, id, d, who)
	if err != nil {
		return a, err
	}
	now, what := s.now(), "approval.reject"
	if d.Approve {
		what = "approval.grant"
	}
	e := who.event(what, id, whodid.ApprovalDecisionPart, now)
	e.Target, e.Why, e.Data["digest"] = a.Target, d.Reason, a.Digest
	if !until.IsZero() {
		e.Data["expires"] = until.Format(time.RFC3339)
	}
	if d.Sign != nil {
		armored, fingerprint, err := d.Sign(statement)
		if err != nil {
			return a, fmt.Errorf("%w: %w", ErrSignature, err)
		}
		e.Data["signature"], e.Data["signing_key"] = inParts(string(armored)), fingerprint
		if a.SignatureRequired || d.Checked {
			// One that would not count must not pass for a decision.
			b := a
			b.State, b.DecidedBy, b.DecidedAt, b.ValidUntil, b.Reason = whodid.ApprovalRejected, who.Actor, now, until, d.Reason
			if d.Approve {
				b.State = whodid.ApprovalApproved
			}
			b.Signature, b.SigningKey = string(armored), fingerprint
			if err := CheckSignature(&b, s.signers); err != nil {
				return a, err
			}
			if err := s.counted(ctx, &b); err != nil {
				return a, err
			}
		}
	} else if a.SignatureRequired {
		return a, fmt.Errorf("%w: the policy asks for one", ErrSignature)
	}
	return s.decide(ctx, e)
}

// Statement is what a person signs who decides like that on a pending approval, and
// until when their grant would hold: whoever signs apart gives that time back, as
// [Decision].Until.
func (s *Service) Statement(ctx context.Context, id string, d *Decision, who Who) (a whodid.Approval, statement []byte, until time.Time, err error) {
	if a, err = s.Get(ctx, id); err != nil {
		return a, nil, until, err
	}
	if err := s.mayDecide(ctx, &a, &who); err != nil {
		return a, nil, until, err
	}
	switch {
	case !d.Approve:
	case !d.Until.IsZero():
		until = d.Until.UTC().Truncate(time.Second)
	case d.TTL > 0:
		until = s.now().Add(d.TTL).UTC().Truncate(time.Second)
	}
	return a, whodid.ApprovalStatement(id, d.Approve, a.Digest, who.Actor, until, d.Reason), until, nil
}

// decide puts a decision into its place, if nobody was there before.
func (s *Service) decide(ctx context.Context, e whodid.Event) (whodid.Approval, error) {
	added, err := s.recorder.Record(ctx, e)
	if err != nil {
		return whodid.Approval{}, err
	}
	a, err := s.Get(ctx, e.Approval)
	switch {
	case err != nil:
		return a, err
	case len(added) == 0:
		return a, fmt.Errorf("%w: %s", ErrDecided, a.State)
	case a.Flaw != "":
		return a, fmt.Errorf("%w: %s", ErrNotAllowed, a.Flaw)
	default:
		return a, nil
	}
}

func (s *Service) mayDecide(ctx context.Context, a *whodid.Approval, who *Who) error {
	switch {
	case !whodid.IsHuman(who.Actor):
		return fmt.Errorf("%w: only people decide, and %s is none", ErrNotAllowed, who.Actor)
	case who.Actor == a.RequestedBy:
		return fmt.Errorf("%w: nobody decides on their own request", ErrNotAllowed)
	case a.FourEyes && who.Actor == a.OnBehalfOf:
		return fmt.Errorf("%w: the policy asks for a second person, and the agent acts on behalf of you", ErrNotAllowed)
	case a.State == whodid.ApprovalExpired && a.Decision == "":
		expire := Who{Actor: whodid.System, Source: "system"}
		if _, err := s.decide(ctx, expire.event("approval.expire", a.ID, whodid.ApprovalDecisionPart, s.now())); err != nil && !errors.Is(err, ErrDecided) {
			return err
		}
		return fmt.Errorf("%w: the request held until %s", ErrExpired, a.ExpiresAt.Format(time.RFC3339))
	case a.State != whodid.ApprovalPending:
		return fmt.Errorf("%w: %s", ErrDecided, a.State)
	default:
		return nil
	}
}

// Cancel withdraws a pending request. Who asked may do so, the person behind
// them, and any other person.
func (s *Service) Cancel(ctx context.Context, id, why string, who Who) (whodid.Approval, error) {
	a, err := s.Get(ctx, id)
	switch {
	case err != nil:
		return a, err
	case a.State != whodid.ApprovalPending:
		return a, fmt.Errorf("%w: %s", ErrDecided, a.State)
	case !whodid.IsHuman(who.Actor) && who.Actor != a.RequestedBy:
		return a, fmt.Errorf("%w: it was asked for by %s", ErrNotAllowed, a.RequestedBy)
	}
	e := who.event("approval.cancel", id, whodid.ApprovalDecisionPart, s.now())
	e.Target, e.Why = a.Target, why
	return s.decide(ctx, e)
}

// Use uses an approval up for what has that digest. It succeeds once; whoever
// calls it must begin the action only then, and under that approval.
func (s *Service) Use(ctx context.Context, id, agent, digest, tool, call string, who Who) (whodid.Approval, error) {
	a, err := s.Get(ctx, id)
	if err != nil {
		return a, err
	}
	if why := a.Covers(agent, digest, s.now()); why != "" {
		return a, fmt.Errorf("%w: %s", ErrNotCovered, why)
	}
	if err := s.signed(&a, false); err != nil {
		return a, err
	}
	e := who.event("approval.use", id, whodid.ApprovalUsePart, s.now())
	e.Target, e.Data["digest"] = a.Target, digest
	for name, value := range map[string]string{"tool": tool, "call": call} {
		if value != "" {
			e.Data[name] = value
		}
	}
	added, err := s.recorder.Record(ctx, e)
	if err != nil {
		return a, err
	}
	if len(added) == 0 {
		return a, fmt.Errorf("%w: it was used just before", ErrNotCovered)
	}
	if a, err = s.Get(ctx, id); err == nil && a.State != whodid.ApprovalUsed {
		err = fmt.Errorf("%w: it is %s", ErrNotCovered, a.State)
	}
	return a, err
}

// inParts cuts a text into parts that fit into an event.
func inParts(s string) []string {
	var parts []string
	for len(s) > whodid.MaxDataString {
		parts, s = append(parts, s[:whodid.MaxDataString]), s[whodid.MaxDataString:]
	}
	return append(parts, s)
}

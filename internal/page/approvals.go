package page

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/policy"
)

// approvalsPage is what waits for a person, and what was decided.
type approvalsPage struct {
	State  string
	States []period
	List   []ask.Approval
	Now    time.Time
	// MayDecide tells whether who looks has the role to decide.
	MayDecide bool
}

// approvalState is how the state of an approval looks.
func approvalState(state string) string {
	switch whodid.ApprovalState(state) {
	case whodid.ApprovalPending:
		return "warn"
	case whodid.ApprovalApproved, whodid.ApprovalUsed:
		return "ok"
	case whodid.ApprovalRejected:
		return "bad"
	default:
		return "off"
	}
}

func (r *request) approvals() (*answer, error) {
	state := r.query("state")
	if state == "" {
		state = string(whodid.ApprovalPending)
	}
	if state != allTime && !slices.Contains(whodid.ApprovalStates(), whodid.ApprovalState(state)) {
		return nil, wrong(http.StatusBadRequest, "There is no state "+quoted(state)+".", "They are pending, approved, rejected, expired, cancelled and used.")
	}
	f := ask.ApprovalFilter{Squads: r.id.Squads, Limit: 4 * pageRows}
	if state != allTime {
		f.State = whodid.ApprovalState(state)
	}
	list, err := r.t.Asker.Approvals(r.ctx, f)
	if err != nil {
		return nil, err
	}
	page := &approvalsPage{State: state, List: list.Approvals, Now: r.now, MayDecide: r.id.Role.May(auth.Approve)}
	for _, s := range append(whodid.ApprovalStates(), allTime) {
		page.States = append(page.States, period{Name: string(s), Link: "/approvals?state=" + string(s), On: string(s) == state})
	}
	return &answer{title: "Approvals", page: page, value: list, rows: list.Approvals}, nil
}

// approvalPage is one approval, with what may be done about it.
type approvalPage struct {
	*ask.ShownApproval
	Now time.Time
	// MayDecide tells whether who looks may decide; else Why not.
	MayDecide bool
	WhyNot    string
	Pending   bool
	// Signed tells whether only a signed decision counts, and Passkeys with how many
	// of their passkeys who looks can sign, at Origin.
	Signed   bool
	Passkeys int
	Origin   string
	// NoPasskeys says why nobody can have passkeys here; empty if they can.
	NoPasskeys string
	// Sent are the fields that a script fills with what the passkey signed.
	Sent []string
	// Passkey is the name of the one that signed, and Flawed why the signature does
	// not count here.
	Passkey, Flawed string
	Said            string
}

// shownApproval is the approval of the path, if who asks may see it.
func (r *request) shownApproval() (*ask.ShownApproval, error) {
	return r.t.Asker.ApprovalTo(r.ctx, r.r.PathValue("id"), r.id.Squads)
}

func (r *request) approval() (*answer, error) {
	found, err := r.shownApproval()
	if err != nil {
		return nil, err
	}
	out := &answer{title: "Approval " + short(found.ApprovalID), value: found, rows: found.Actions}
	if r.query("format") == "" && found.ApprovalID != r.r.PathValue("id") {
		out.redirect = "/approvals/" + found.ApprovalID
		return out, nil
	}
	page := &approvalPage{ShownApproval: found, Now: r.now, Pending: found.State == string(whodid.ApprovalPending)}
	switch {
	case !page.Pending:
	case !r.id.Role.May(auth.Approve):
		page.WhyNot = "Your role does not decide: an approver's does."
	case !whodid.IsHuman(r.id.Actor):
		page.WhyNot = "People decide, and what is signed in here is " + person(r.id.Actor) + ". Sign in as yourself."
	case r.t.Recorder == nil:
		page.WhyNot = "The key of this trail is not on this machine."
	default:
		page.MayDecide = true
	}
	service := r.service()
	full, err := service.Get(r.ctx, found.ApprovalID)
	if err != nil {
		return nil, err
	}
	page.Sent = []string{"until", "credential", "authenticator_data", "client_data", "signature"}
	page.Signed, page.NoPasskeys = full.SignatureRequired, r.noPasskeys()
	page.Origin, _ = r.origin()
	if page.MayDecide {
		own, err := r.signable()
		if err != nil {
			return nil, err
		}
		if page.Passkeys = len(own); page.Signed && page.Passkeys == 0 {
			page.MayDecide, page.WhyNot = false, "Only a signed decision counts here. Sign it with your SSH key, where that is:"
		}
	}
	if full.Signature != "" {
		if err := r.signedWith(page, service, &full); err != nil {
			return nil, err
		}
	}
	if r.query("done") != "" {
		page.Said = "It is decided."
	}
	out.page = page
	return out, nil
}

// signedWith says what signed a decision, and whether that counts here.
func (r *request) signedWith(page *approvalPage, service *approval.Service, a *whodid.Approval) error {
	if err := service.Signature(a); err != nil {
		page.Flawed = err.Error()
	}
	passkeys, err := r.t.Asker.Passkeys(r.ctx)
	if err != nil {
		return err
	}
	for i := range passkeys {
		if passkeys[i].Fingerprint == a.SigningKey {
			page.Passkey = passkeys[i].Name
		}
	}
	return nil
}

// judged are the policies that hold for the tenant, and what says whose signatures
// count. By a policy that can't be read nothing is judged.
func (r *request) judged() (policy.Rules, func(*whodid.Approval) error) {
	return r.t.Rules(), r.service().Signature
}

// service is where the tenant's approvals are decided.
func (r *request) service() *approval.Service {
	s := approval.New(r.t.Org, r.t.Recorder, r.t.Asker, r.pages.options.Now)
	if r.pages.options.Signers != nil {
		if signers, err := r.pages.options.Signers(r.ctx, r.t); err == nil {
			s.Trust(signers) // whose can't be read count for nobody
		}
	}
	return s
}

// longestGrant is how long an approval that is given here may hold.
const longestGrant = 30 * 24 * time.Hour

// decided reads what was decided on the approval of the path.
func (r *request) decided(approve bool) (*ask.ShownApproval, *approval.Decision, error) {
	reason := r.t.Recorder.Clean(strings.TrimSpace(r.r.PostFormValue("reason"))) // a signature is of what is kept
	if reason == "" {
		return nil, nil, wrong(http.StatusUnprocessableEntity, "A decision without a reason can't be judged later.", "Go back, and write why.")
	}
	if len(reason) > whodid.MaxWhy {
		return nil, nil, wrong(http.StatusUnprocessableEntity, "The reason is too long.", "Write it in fewer words.")
	}
	rules := r.t.Rules()
	d := &approval.Decision{Approve: approve, Reason: reason, TTL: rules.Approvals().Approvals.GrantTTL}
	if text := r.r.PostFormValue("valid"); text != "" && approve {
		var err error
		if d.TTL, err = whodid.ParseDuration(text); err != nil || d.TTL <= 0 || d.TTL > longestGrant {
			return nil, nil, wrong(http.StatusUnprocessableEntity, "That is no time for which an approval may hold.", "Choose one of the list.")
		}
	}
	shown, err := r.shownApproval()
	if err != nil {
		return nil, nil, err
	}
	// The page that was decided on is the one that was shown.
	if r.r.PostFormValue("digest") != shown.Digest {
		return nil, nil, wrong(http.StatusConflict, "What was asked for is not what you were shown.", "Look at it again.")
	}
	return shown, d, nil
}

func (r *request) approve() (to string, err error) { return r.decide(true) }

func (r *request) reject() (to string, err error) { return r.decide(false) }

// decide takes a person's decision, perhaps signed with a passkey of theirs.
func (r *request) decide(approve bool) (to string, err error) {
	shown, d, err := r.decided(approve)
	if err != nil {
		return "", err
	}
	if err := r.signature(d); err != nil {
		return "", err
	}
	if _, err := r.service().Decide(r.ctx, shown.ApprovalID, d, r.who()); err != nil {
		return "", err
	}
	return "/approvals/" + shown.ApprovalID + "?done=1", nil
}

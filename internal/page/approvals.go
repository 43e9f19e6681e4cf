package page

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// approvalsPage is what waits for a person, and what was decided.
type approvalsPage struct {
	State  string
	States []period
	List   []ask.Approval
	Now    time.Time
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
	page := &approvalsPage{State: state, List: list.Approvals, Now: r.now}
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
	// Signed tells whether only a signed decision counts.
	Signed bool
	Said   string
}

// shownApproval is the approval of the path, if who asks may see it.
func (r *request) shownApproval() (*ask.ShownApproval, error) {
	a, err := r.t.Asker.ApprovalByID(r.ctx, r.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if !r.maySee(whodid.Squad(a.Agent)) {
		return nil, ask.ErrNotFound
	}
	return a, nil
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
	full, err := r.service().Get(r.ctx, found.ApprovalID)
	if err != nil {
		return nil, err
	}
	page.Signed = full.SignatureRequired
	if page.Signed {
		page.MayDecide = false
		if page.Pending && page.WhyNot == "" {
			page.WhyNot = "Only a signed decision counts here. Sign it with your SSH key, where that is:"
		}
	}
	if r.query("done") != "" {
		page.Said = "It is decided."
	}
	out.page = page
	return out, nil
}

// service is where the tenant's approvals are decided.
func (r *request) service() *approval.Service {
	s := approval.New(r.t.Org, r.t.Recorder, r.t.Asker, r.pages.options.Now)
	if r.pages.options.Signers != nil {
		if signers, err := r.pages.options.Signers(); err == nil {
			s.Trust(signers) // whose can't be read count for nobody
		}
	}
	return s
}

// decide takes a person's decision. That the form was sent by one of our own pages
// the authenticator has made sure of, and this does once more.
func (p *Pages) decide(w http.ResponseWriter, r *http.Request, t *server.Tenant, approve bool) {
	ctx, cancel := context.WithTimeout(r.Context(), p.options.Timeout)
	defer cancel()
	id, _ := auth.IdentityFrom(ctx)
	in := &request{pages: p, r: r, ctx: ctx, t: t, id: id, now: p.options.Now()}
	to, err := in.decided(approve)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (r *request) decided(approve bool) (to string, err error) {
	if fromElsewhere(r.r) != nil {
		return "", wrong(http.StatusForbidden, "Another site made this request.", "")
	}
	if !whodid.IsHuman(r.id.Actor) {
		return "", wrong(http.StatusForbidden, "People decide, and what is signed in here is "+person(r.id.Actor)+".", "Sign in as yourself.")
	}
	if r.t.Recorder == nil {
		return "", wrong(http.StatusForbidden, "The key of this trail is not on this machine.", "")
	}
	reason := strings.TrimSpace(r.r.PostFormValue("reason"))
	if reason == "" {
		return "", wrong(http.StatusUnprocessableEntity, "A decision without a reason can't be judged later.", "Go back, and write why.")
	}
	if len(reason) > whodid.MaxWhy {
		return "", wrong(http.StatusUnprocessableEntity, "The reason is too long.", "Write it in fewer words.")
	}
	d := &approval.Decision{Approve: approve, Reason: reason, TTL: time.Hour}
	if text := r.r.PostFormValue("valid"); text != "" && approve {
		if d.TTL, err = whodid.ParseDuration(text); err != nil || d.TTL <= 0 || d.TTL > 30*24*time.Hour {
			return "", wrong(http.StatusUnprocessableEntity, "That is no time for which an approval may hold.", "Choose one of the list.")
		}
	}
	shown, err := r.shownApproval()
	if err != nil {
		return "", err
	}
	// The page that was decided on is the one that was shown.
	if r.r.PostFormValue("digest") != shown.Digest {
		return "", wrong(http.StatusConflict, "What was asked for is not what you were shown.", "Look at it again.")
	}
	who := approval.Who{Actor: r.id.Actor, Auth: r.id.ActorAuth, Source: "page"}
	if _, err := r.service().Decide(r.ctx, shown.ApprovalID, d, who); err != nil {
		return "", err
	}
	return "/approvals/" + shown.ApprovalID + "?done=1", nil
}

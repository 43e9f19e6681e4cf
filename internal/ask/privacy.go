package ask

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// The states of a request.
const (
	RequestOpen     = "open"
	RequestAnswered = "answered"
	RequestRefused  = "refused"
)

// PrivacyRequestList lists what people asked about their data: what is open first,
// by when it is due, then what was answered, the last first.
type PrivacyRequestList struct {
	Requests []PrivacyRequest `json:"requests"`
}

// PrivacyRequest is what a person asked about their data, and its clock.
type PrivacyRequest struct {
	// RequestID is the event that tells of it.
	RequestID string `json:"request_id"`
	// Asked is what they ask for: erase or export.
	Asked string `json:"asked"`
	// State is open, answered or refused.
	State string `json:"state"`
	// People are the person's pseudonyms, as actors; none once they are erased.
	People []string `json:"people"`
	Note   string   `json:"note"`
	// RecordedBy is who noted it.
	RecordedBy string    `json:"recorded_by"`
	ReceivedAt time.Time `json:"received_at"`
	// DueAt is the last moment at which an answer is in time.
	DueAt *time.Time `json:"due_at"`
	// DaysLeft are whole days up to then, below zero when it is overdue; null when it
	// is open no more.
	DaysLeft *int `json:"days_left"`
	Overdue  bool `json:"overdue"`
	// AnsweredAt and AnswerID are the event that answered or refused it; Reason is why
	// it was refused.
	AnsweredAt *time.Time `json:"answered_at"`
	AnswerID   string     `json:"answer_id"`
	Reason     string     `json:"reason"`
}

// Open are the requests that wait for an answer, the most urgent first.
func (l *PrivacyRequestList) Open() []PrivacyRequest {
	n := slices.IndexFunc(l.Requests, func(r PrivacyRequest) bool { return r.State != RequestOpen })
	if n < 0 {
		n = len(l.Requests)
	}
	return l.Requests[:n]
}

// PrivacyRequests answers what people asked about their data.
func (a *Asker) PrivacyRequests(ctx context.Context) (*PrivacyRequestList, error) {
	return a.privacyRequests(ctx, a.now(), func(*store.Row) bool { return true })
}

// PrivacyOverdue answers which requests were overdue at a moment, by what had been
// asked and answered then.
func (a *Asker) PrivacyOverdue(ctx context.Context, at time.Time) (*PrivacyRequestList, error) {
	list, err := a.privacyRequests(ctx, at, func(r *store.Row) bool { return !r.At.After(at) })
	if err != nil {
		return nil, err
	}
	list.Requests = slices.DeleteFunc(list.Requests, func(x PrivacyRequest) bool { return !x.Overdue })
	return list, nil
}

// privacyRequests are the requests as they stood at a moment, by the events that are
// known.
func (a *Asker) privacyRequests(ctx context.Context, at time.Time, known func(*store.Row) bool) (*PrivacyRequestList, error) {
	asked, err := a.store.PrivacyEvents(ctx, a.org, "privacy.request")
	if err != nil {
		return nil, err
	}
	if len(asked) == 0 {
		return &PrivacyRequestList{Requests: []PrivacyRequest{}}, nil
	}
	answers := map[string]*store.Row{}
	for _, kind := range []string{"privacy.refuse", "privacy.export", "privacy.erase"} {
		rows, err := a.store.PrivacyEvents(ctx, a.org, kind)
		if err != nil {
			return nil, err
		}
		for i := range rows { // the first answer counts
			id := rows[i].Data.String("request")
			if first := answers[id]; id != "" && known(&rows[i]) && (first == nil || rows[i].Seq < first.Seq) {
				answers[id] = &rows[i]
			}
		}
	}
	open, done := []PrivacyRequest{}, []PrivacyRequest{}
	for i := range asked {
		if !known(&asked[i]) {
			continue
		}
		x := newPrivacyRequest(&asked[i], answers[asked[i].ID], at)
		if x.State == RequestOpen {
			open = append(open, x)
		} else {
			done = append(done, x)
		}
	}
	slices.SortStableFunc(open, func(x, y PrivacyRequest) int { return x.DueAt.Compare(*y.DueAt) })
	slices.SortStableFunc(done, func(x, y PrivacyRequest) int { return y.AnsweredAt.Compare(*x.AnsweredAt) })
	return &PrivacyRequestList{Requests: append(open, done...)}, nil
}

func newPrivacyRequest(r, answer *store.Row, now time.Time) PrivacyRequest {
	due, err := time.Parse(time.RFC3339, r.Data.String("due"))
	if err != nil { // its metadata was erased
		due = whodid.PrivacyDue(r.At)
	}
	x := PrivacyRequest{
		RequestID: r.ID, Asked: r.Data.String("asked"), State: RequestOpen, People: append([]string{}, strings.Fields(r.Target)...), Note: r.Why,
		RecordedBy: r.Actor, ReceivedAt: r.At.UTC(), DueAt: moment(due),
	}
	if answer != nil {
		x.State, x.AnsweredAt, x.AnswerID = RequestAnswered, moment(answer.At), answer.ID
		if answer.What == "privacy.refuse" {
			x.State, x.Reason = RequestRefused, answer.Why
		}
		return x
	}
	const day = 24 * time.Hour
	left := int(due.Sub(now) / day)
	if x.Overdue = now.After(due); x.Overdue {
		left = -int((now.Sub(due) + day - 1) / day) // the first day of being late is one
	}
	x.DaysLeft = &left
	return x
}

// PrivacyRequest answers one request, by its id or the beginning of it.
func (a *Asker) PrivacyRequest(ctx context.Context, id string) (*PrivacyRequest, error) {
	id, err := a.store.ResolveEvent(ctx, a.org, id)
	if err != nil {
		return nil, err
	}
	list, err := a.PrivacyRequests(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list.Requests, func(r PrivacyRequest) bool { return r.RequestID == id })
	if i < 0 {
		return nil, store.ErrNotFound
	}
	return &list.Requests[i], nil
}

// reviewPrivacy looks at all requests that are open: one does not grow old.
func (a *Asker) reviewPrivacy(ctx context.Context, r *Review) error {
	list, err := a.PrivacyRequests(ctx)
	if err != nil {
		return err
	}
	for _, x := range list.Open() {
		kind := FoundRequestLate
		if !x.Overdue {
			if kind = FoundRequestDue; x.DueAt.After(r.Until.Add(soon)) {
				continue
			}
		}
		r.add(kind, x.DueAt, "", x.RequestID, x.Asked+", received on "+x.ReceivedAt.Format(time.DateOnly))
	}
	return nil
}

package cli

import (
	"context"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/config"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/notify"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/sink"
	"github.com/whodid/whodid/internal/store"
)

const (
	// notifySink is the name of the cursor of notifications.
	notifySink = "notify"
	// news is how long something is worth telling.
	news = 24 * time.Hour
)

// notifyPeople tells people what they want to hear of, as this user's settings say.
// What fails is told, and tried again by whoever comes next.
func (p *Program) notifyPeople(ctx context.Context, t *trail, quiet bool) {
	settings, err := config.LoadNotify(place.ConfigFile(p.Env), p.Env)
	if err == nil {
		err = p.notify(ctx, t.store, t.recorder, p.org, settings)
	}
	if err != nil && !quiet {
		p.complain(err)
	}
}

// notify tells people what is new in a trail. Any number of processes may do so:
// one at a time does.
func (p *Program) notify(ctx context.Context, s *store.Store, recorder *record.Recorder, org string, n *config.Notify) error {
	if n.Webhook.Value() == "" && len(n.Command) == 0 {
		return nil
	}
	if err := approval.New(org, recorder, ask.New(s, org, p.Now), p.Now).Expire(ctx); err != nil {
		return err
	}
	rules := p.rules(org)
	source := trailSource{s}
	runner := &sink.Runner{
		Name: notifySink, Org: org, Format: sink.JSON, Fields: sink.All, Source: source, Cursors: source,
		Holder: whodid.NewID(whodid.PrefixEvent), Now: time.Now, Failed: func(error) {},
		Sender: &notify.Sender{
			Webhook: n.Webhook.Value(), Command: n.Command, Rules: rules.Policy, Since: func() time.Time { return p.Now().Add(-news) },
		},
	}
	defer source.Release(context.WithoutCancel(ctx), org, notifySink, runner.Holder) //nolint:errcheck // its lease ends by itself
	for {
		sent, err := runner.Once(ctx)
		if err != nil || sent == 0 {
			return err
		}
	}
}

// startNotifying lets another process tell people that a decision is wanted, if
// somebody wants to be told: the agent waits.
func (p *Program) startNotifying() {
	if n, err := config.LoadNotify(place.ConfigFile(p.Env), p.Env); err == nil && (n.Webhook.Value() != "" || len(n.Command) > 0) {
		hook.StartSync(p.store)
	}
}

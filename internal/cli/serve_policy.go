package cli

import (
	"context"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// tellPolicy records that other policies than before hold for an organisation: by
// which one something was decided is then known of any time. Of several servers
// that find it out at once the trail takes one.
func (c *chores) tellPolicy(ctx context.Context, org string, t *tenant) error {
	rules := t.Rules()
	if rules.Broken != nil {
		return policyError(rules.Broken)
	}
	if told, known := c.policies[org]; known && told == rules.Digest {
		return nil
	}
	last, err := c.trail.store.Events(ctx, org, store.EventFilter{What: "policy.change", Newest: true, Limit: 1})
	if err != nil {
		return err
	}
	before, digest := "none", ""
	if len(last) > 0 {
		before, digest = last[0].ID, last[0].Data.String("policy_digest")
	}
	if digest != rules.Digest {
		e := whodid.Event{
			Key: "policy/" + before + "/" + rules.Digest, What: "policy.change", At: c.p.Now(), Actor: whodid.System, Source: "system", Data: whodid.Data{},
		}
		if rules.Digest != "" {
			e.Data["policy"], e.Data["policy_digest"] = rules.Version, rules.Digest
		}
		if _, err := t.Recorder.Record(ctx, e); err != nil {
			return err
		}
		c.log.InfoContext(ctx, "another policy holds", "org", org, "version", rules.Version, "digest", rules.Digest)
	}
	c.policies[org] = rules.Digest
	return nil
}

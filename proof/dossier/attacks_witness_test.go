package dossier_test

import (
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
	"github.com/whodid/whodid/proof/stamp/stamptest"
)

// witnessed are proofs to somebody who asks for witnesses or time stamps, with what
// they need and without.
func (c *corpus) witnessed() {
	whole := &dossier.Span{End: 10}
	const w1, w2 = "test.invalid/witness", "test.invalid/witness2"
	seen := start.Add(time.Minute)
	asks := func(quorum int) trustJSON {
		t := c.trust
		t.Witnesses, t.Quorum = []string{witnessKey(w1, 5), witnessKey(w2, 6)}, quorum
		return t
	}
	proved := func(events []whodid.Event, cosigners ...func(string) string) *dossier.Dossier {
		d := newTrail(c.t, origin, 1, events).dossier(run, whole)
		for _, sign := range cosigners {
			d.Checkpoint = sign(d.Checkpoint)
		}
		return d
	}
	by := func(name string, key byte, at time.Time) func(string) string {
		return func(signed string) string { return cosign(signed, name, key, at) }
	}
	one, two := by(w1, 5, seen), by(w2, 6, seen.Add(time.Minute))
	c.add("honest, cosigned by as many as are asked for", "ppcpp", asks(2), proved(story(), one, two))
	c.add("honest, cosigned by one of two", "ppcpp", asks(1), proved(story(), two))
	c.add("cosigned by fewer than are asked for", "pcccp", asks(2), proved(story(), one))
	c.add("cosigned twice by one witness", "pcccp", asks(2), proved(story(), one, by(w1, 5, seen.Add(time.Hour))))
	c.add("cosigned by a namesake", "pcccp", asks(1), proved(story(), by(w1, 9, seen)))
	other := story()
	other[7].Result = whodid.ResultFailed
	c.add("another history, with the cosignatures of the one that was witnessed", "pcccp", asks(1), proved(other, func(signed string) string {
		honest := newTrail(c.t, origin, 1, story()).checkpoint()
		return signed + one(honest)[len(honest):]
	}))
	c.add("the second of two witnesses saw it before it was", "ppcrp", asks(1), proved(story(), one, by(w2, 6, start.Add(-time.Hour))))

	from, until := start.AddDate(-1, 0, 0), start.AddDate(1, 0, 0)
	tsa := stamptest.New(c.t, "test.invalid clock", 30, from, until, stamptest.None)
	trusts := c.trust
	trusts.TimeAuthorities = []string{tsa.RootPEM()}
	stamped := func(a *stamptest.Authority, text string, at time.Time, e *stamptest.Edit) *dossier.Dossier {
		d := proved(story())
		if text == "" {
			var err error
			if text, err = proof.CheckpointText(d.Checkpoint); err != nil {
				c.t.Fatal(err)
			}
		}
		d.Stamps = [][]byte{a.Stamp(c.t, []byte(text), at, nil, e)}
		return d
	}
	c.add("honest, stamped", "ppcpp", trusts, stamped(tsa, "", seen, nil))
	c.add("stamped by an authority that is not trusted", "ppccp", c.trust, stamped(tsa, "", seen, nil))
	c.add("stamped by a namesake of the authority", "ppccp", trusts, stamped(stamptest.New(c.t, "test.invalid clock", 40, from, until, stamptest.None), "", seen, nil))
	c.add("a stamp of another checkpoint", "ppccp", trusts, stamped(tsa, "test.invalid/log\n9\nAAAA\n", seen, nil))
	c.add("stamped by a key for web servers", "ppccp", trusts, stamped(stamptest.New(c.t, "test.invalid clock", 30, from, until, stamptest.OtherUse), "", seen, nil))
	c.add("stamped by a key that had expired", "ppccp", trusts, stamped(tsa, "", until.Add(time.Hour), nil))
	c.add("a stamp whose signature names another certificate", "ppccp", trusts, stamped(tsa, "", seen, &stamptest.Edit{Named: tsa.Root}))
	c.add("a stamp whose signature is of something else", "ppccp", trusts, stamped(tsa, "", seen, &stamptest.Edit{Digest: make([]byte, 64)}))
	c.add("a stamp that is none", "ppccp", trusts, func() *dossier.Dossier {
		d := proved(story())
		d.Stamps = [][]byte{[]byte("x"), {}}
		return d
	}())
	c.add("recorded after it was stamped", "ppcrp", trusts, stamped(tsa, "", start.Add(-time.Hour), nil))
}

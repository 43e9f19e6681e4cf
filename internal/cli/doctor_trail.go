package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/install"
	"github.com/whodid/whodid/internal/keys"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/spool"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

// What the doctor minds.
const (
	// recently is how far back losses and gaps are looked for.
	recently = 7 * 24 * time.Hour
	// waitsLong is how long a record may wait in the spool before it is strange:
	// every command that asks takes it in.
	waitsLong = time.Hour
	// witnessedLong is how long a trail may go without somebody else having seen
	// it.
	witnessedLong = 7 * 24 * time.Hour
	// clockSkew is by how much clocks of one trail may differ.
	clockSkew = time.Minute
	// Disk space that is little, and that is none.
	littleSpace = 1 << 30
	noSpace     = 100 << 20
)

// trailIsThere tells whether the trail has been made. Of one on PostgreSQL only
// PostgreSQL knows.
func (p *Program) trailIsThere() bool {
	where, err := p.find()
	if err != nil {
		return false
	}
	return isThere(where)
}

func isThere(where place.Trail) bool {
	if where.Path == "" {
		return true
	}
	_, err := os.Stat(where.Path)
	return err == nil
}

// isMissing tells whether the trail was not made yet. One that may not be looked
// at is not missing.
func isMissing(where place.Trail) bool {
	if where.Path == "" {
		return false
	}
	_, err := os.Stat(where.Path)
	return errors.Is(err, fs.ErrNotExist)
}

func (p *Program) examineTrail(ctx context.Context, d *ask.Doctor, where place.Trail) heard {
	if isMissing(where) {
		d.Add(warning("trail", "whodid init", "There is no trail yet at %s (%s): nothing was ever recorded.", where.Location, where.Why))
		return nil
	}
	t, err := p.openStore(ctx)
	if err != nil {
		remedy := ""
		if errors.Is(err, store.ErrNewer) {
			remedy = "update this whodid"
		}
		d.Add(problem("trail", remedy, "The trail %s (%s) can't be used: %v.", where.Location, where.Why, err))
		return nil
	}
	defer t.close()
	pulse, err := t.asker.Pulse(ctx, p.Now().Add(-recently))
	if err != nil {
		d.Add(problem("trail", "whodid verify", "The trail %s (%s) can't be read: %v.", where.Location, where.Why, err))
		return nil
	}
	version, err := t.store.SchemaVersion(ctx)
	if err != nil {
		d.Add(problem("trail", "", "The trail %s (%s) can't be read: %v.", where.Location, where.Why, err))
		return nil
	}
	d.Add(fine("trail", "%s (%s) is reachable and holds %s; its schema is version %d.",
		where.Location, where.Why, term.Count(int64(pulse.Size), "event"), version))
	signing, people := where.Keys(p.org)
	d.Add(examineKey(signing, people, pulse))
	d.Add(p.examineClock(pulse))
	d.Add(p.examineWitness(t, pulse))
	p.examineWitnesses(ctx, d, t)
	d.Add(examineRuns(pulse))
	d.Add(examineGaps(pulse))
	d.Add(p.examineApprovals(ctx, t, p.Now().Add(-recently)))
	if check, ok := p.examineReview(ctx, t); ok {
		d.Add(check)
	}
	if check, ok := examineRequests(ctx, t); ok {
		d.Add(check)
	}
	p.examineServer(ctx, d, t)
	p.examineSinks(ctx, d, t)
	p.examineTelemetry(ctx, d, t)
	heard, err := t.asker.Heard(ctx)
	if err != nil {
		d.Add(problem("trail", "whodid verify", "The trail %s (%s) can't be read: %v.", where.Location, where.Why, err))
	}
	return heard
}

func examineKey(signing, people string, pulse *ask.Pulse) ask.Check {
	const name = "key"
	info, err := os.Stat(signing)
	switch {
	case errors.Is(err, fs.ErrNotExist) && pulse.Origin == "":
		return fine(name, "There is no key yet; it is made with the first event.")
	case errors.Is(err, fs.ErrNotExist):
		return problem(name, "", "The key that signs this trail is not at %s, so that nothing can be recorded: put it there, or say where it is with WHODID_KEY.", signing)
	case err != nil:
		return problem(name, "", "The signing key can't be read: %v.", err)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return problem(name, "chmod 600 "+install.Quote(signing), "Others than you can read the signing key, and sign what they like.")
	}
	ring, err := keys.Load(signing, people)
	switch {
	case err != nil:
		return problem(name, "", "The keys of the trail can't be read: %v.", err)
	case pulse.PublicKey != "" && ring.Public != pulse.PublicKey:
		return problem(name, "", "The key %s is not the one that signs this trail (%s): put that one there, or say where it is with WHODID_KEY.", signing, pulse.Origin)
	default:
		return fine(name, "The signing key is at hand and is the trail's.")
	}
}

func (p *Program) examineClock(pulse *ask.Pulse) ask.Check {
	ahead := pulse.LastRecorded.Sub(p.Now())
	switch {
	case pulse.LastRecorded.IsZero():
		return fine("clock", "Nothing is recorded yet that the clock could be compared with.")
	case ahead > clockSkew:
		return problem("clock", "", "The clock of this machine is %s behind the last event of the trail: one of the two is wrong.", term.Duration(ahead))
	default:
		return fine("clock", "The clock is not behind the last event, which was recorded %s.", term.Ago(pulse.LastRecorded, p.Now()))
	}
}

// examineWitness asks whether a trail that was cut or rolled back would be
// found out.
func (p *Program) examineWitness(t *trail, pulse *ask.Pulse) ask.Check {
	const name, remedy = "witness", "whodid witness git --push origin"
	var pinned string
	if seen, ok, err := t.pins.Get(t.pinName(p.org)); err == nil && ok {
		pinned = fmt.Sprintf(" You pinned one %s.", term.Ago(seen.SeenAt, p.Now()))
	}
	switch {
	case pulse.Size == 0:
		return fine(name, "There is nothing to witness yet.")
	case pulse.LastWitnessed.IsZero() && pulse.Size > ask.WitnessWindow:
		return warning(name, remedy, "None of the last %d events tells of a checkpoint that was placed where the operator can't rewrite it.%s", ask.WitnessWindow, pinned)
	case pulse.LastWitnessed.IsZero():
		return warning(name, remedy, "No checkpoint was placed where the operator can't rewrite it: nobody else could tell if the trail were cut or rolled back.%s", pinned)
	case p.Now().Sub(pulse.LastWitnessed) > witnessedLong && pulse.Size > pulse.WitnessedSize+1:
		return warning(name, remedy, "The last checkpoint was witnessed %s, %s ago.%s",
			term.Ago(pulse.LastWitnessed, p.Now()), term.Count(int64(pulse.Size-pulse.WitnessedSize), "event"), pinned)
	default:
		return fine(name, "The last checkpoint was witnessed %s.%s", term.Ago(pulse.LastWitnessed, p.Now()), pinned)
	}
}

func examineRuns(pulse *ask.Pulse) ask.Check {
	if pulse.Lost > 0 {
		return warning("runs", "whodid exec list --status lost --since 7d", "%s of the last 7 days stopped reporting and never told how it ended.", term.Count(int64(pulse.Lost), "run"))
	}
	return fine("runs", "No run was lost in the last 7 days, and %s under way.", isOrAre(int64(pulse.Running), "run"))
}

func examineGaps(pulse *ask.Pulse) ask.Check {
	if len(pulse.Gaps) == 0 {
		return fine("gaps", "Nothing of the last 7 days is known to be missing.")
	}
	var n int64
	var reasons []string
	for _, g := range pulse.Gaps {
		n += g.Count
		if len(reasons) < 3 {
			reasons = append(reasons, fmt.Sprintf("%s (%d)", g.Value, g.Count))
		}
	}
	return warning("gaps", "", "Of the last 7 days %s missing: %s.", isOrAre(n, "record"), strings.Join(reasons, "; "))
}

func isOrAre(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return fmt.Sprintf("%d %ss are", n, noun)
}

func (p *Program) examineSpool(where place.Trail) ask.Check {
	const name = "spool"
	if err := writable(where.Spool); err != nil {
		return problem(name, "", "Hooks can't write to the spool %s: %v.", where.Spool, err)
	}
	waiting, err := spool.In(where.Spool).Waiting()
	switch {
	case err != nil:
		return problem(name, "", "The spool %s can't be read: %v.", where.Spool, err)
	case waiting.Records == 0:
		return fine(name, "Hooks can write to the spool, and nothing waits in it.")
	case p.Now().Sub(waiting.Oldest) > waitsLong:
		return warning(name, "whodid sync", "%s (%s) in the spool since %s.", waits(waiting.Records), bytesInWords(uint64(waiting.Bytes)), term.Ago(waiting.Oldest, p.Now()))
	default:
		return fine(name, "%s in the spool; the next question takes it in.", waits(waiting.Records))
	}
}

func waits(n int) string {
	if n == 1 {
		return "1 record waits"
	}
	return fmt.Sprintf("%d records wait", n)
}

// writable tells whether files can be made in a folder, or in the one that it
// would be made in.
func writable(dir string) error {
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s is not a folder", dir)
		}
		if err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return err
		}
		dir = parent
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (p *Program) examineDisk(where place.Trail) ask.Check {
	const name = "disk"
	dir := where.Spool
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, err := freeSpace(dir)
	switch {
	case err != nil:
		return warning(name, "", "How much space is left at %s can't be told: %v.", dir, err)
	case free < noSpace:
		return problem(name, "", "Only %s are free at %s: recording will soon stop.", bytesInWords(free), dir)
	case free < littleSpace:
		return warning(name, "", "Only %s are free at %s.", bytesInWords(free), dir)
	default:
		return fine(name, "There is room: %s are free.", bytesInWords(free))
	}
}

func bytesInWords(n uint64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

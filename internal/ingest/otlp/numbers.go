package otlp

import (
	"slices"
	"strconv"

	"github.com/whodid/whodid"
)

// stream is what a client numbers its records in.
type stream struct {
	client, session string
}

// numbers are the numbers of one stream's records in a batch.
type numbers struct {
	about about
	all   []int64
}

// number notes the number of a record.
func (r *reader) number(a *about, n int64) {
	s := stream{a.client, a.session}
	if r.seen == nil {
		r.seen = map[stream]*numbers{}
	}
	seen := r.seen[s]
	if seen == nil {
		seen = &numbers{about: *a}
		r.seen[s] = seen
		r.streams = append(r.streams, s)
	}
	if a.at.Before(seen.about.at) {
		seen.about = *a
	}
	seen.all = append(seen.all, n)
}

// numbers tells which numbers arrived, as ranges without holes. Most records
// tell nothing else, so that the numbers of events would not show whether one
// is missing. The ranges of a session, from whatever batches in whatever order,
// add up: what none of them holds, up to the highest, has not arrived.
func (r *reader) numbers() {
	for _, s := range r.streams {
		seen := r.seen[s]
		slices.Sort(seen.all)
		all := slices.Compact(seen.all)
		for len(all) > 0 {
			n := 1
			for n < len(all) && all[n] == all[n-1]+1 {
				n++
			}
			first, last := all[0], all[n-1]
			a := &seen.about
			e := r.event(a, "record.receive", a.key("records", strconv.FormatInt(first, 10), strconv.FormatInt(last, 10)))
			e.Actor, e.ActorAuth, e.Execution = whodid.System, "", a.run
			e.Data["first"], e.Data["last"] = first, last
			r.add(e)
			all = all[n:]
		}
	}
}

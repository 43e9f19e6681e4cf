package page

import (
	"strconv"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
)

// proved is a proof as the page's script checks it: the files of the archive that
// whodid prove writes (docs/format.md, section 10), in one document.
type proved struct {
	Manifest   dossier.Manifest                       `json:"manifest"`
	Checkpoint string                                 `json:"checkpoint"`
	Ranges     []proof.ReceiptRange                   `json:"ranges"`
	Disclosed  map[string]map[string]proof.Disclosure `json:"disclosed"`
	ErasedBy   map[string]string                      `json:"erased_by"`
}

func newProved(d *dossier.Dossier) *proved {
	out := &proved{Manifest: d.Manifest, Checkpoint: d.Checkpoint, Ranges: d.Entries, Disclosed: map[string]map[string]proof.Disclosure{}, ErasedBy: map[string]string{}}
	for index, fields := range d.Disclosed {
		out.Disclosed[strconv.FormatUint(index, 10)] = fields
	}
	for index, by := range d.ErasedBy {
		out.ErasedBy[strconv.FormatUint(index, 10)] = by
	}
	return out
}

// proveExecution is the proof of a run, for who may see it.
func (r *request) proveExecution() (*answer, error) {
	x, err := r.t.Asker.Execution(r.ctx, r.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if !r.maySee(x.Squad) {
		return nil, ask.ErrNotFound
	}
	d, err := r.t.Asker.ProveExecution(r.ctx, x.ExecutionID)
	if err != nil {
		return nil, err
	}
	return &answer{value: newProved(d)}, nil
}

// proveEvent is the proof of one event, for who may see it.
func (r *request) proveEvent() (*answer, error) {
	e, err := r.t.Asker.Event(r.ctx, r.r.PathValue("id"), r.id.Squads)
	if err != nil {
		return nil, err
	}
	d, err := r.t.Asker.ProveEvent(r.ctx, e.EventID)
	if err != nil {
		return nil, err
	}
	return &answer{value: newProved(d)}, nil
}

// head is where the log stands, for a browser that holds it against what it saw
// before.
func (r *request) head() (*answer, error) {
	head, err := r.t.Asker.LogHead(r.ctx)
	if err != nil {
		return nil, err
	}
	return &answer{value: head}, nil
}

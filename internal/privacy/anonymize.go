package privacy

import (
	"context"
	"path/filepath"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// AnonymizedBy is what events of a copy without personal data say of who erased.
const AnonymizedBy = "anonymize"

// Anonymize makes a copy of the trail that can be shared: a new SQLite file in
// which persons, targets, reasons and all metadata that could lead to a person
// are erased. Its log is that of the trail, to the byte, so that it verifies
// against the trail's checkpoints.
func (s *Service) Anonymize(ctx context.Context, path string) (events uint64, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return 0, err
	}
	return s.Store.CopyErased(ctx, s.Org, path, AnonymizedBy, personal)
}

// personal are the fields of an event that could lead to a person: metadata only
// where the catalogue does not call all of it technical.
func personal(r *store.Row) []string {
	fields := []string{proof.FieldActor, proof.FieldOnBehalfOf, proof.FieldTarget, proof.FieldWhy}
	kind, ok := whodid.KindOf(r.What)
	for name := range r.Data {
		var f whodid.Field
		if ok {
			f, ok = kind.Allows(name)
		}
		if !ok || f.Privacy != whodid.Technical {
			return append(fields, proof.FieldData)
		}
	}
	return fields
}

package store

import (
	"context"
	"fmt"
)

// SchemaVersion is the number of the last migration that the trail has had.
func (s *Store) SchemaVersion(ctx context.Context) (int, error) {
	v, err := schemaVersion(within(ctx, everywhere), s.read)
	if err != nil {
		return 0, fmt.Errorf("couldn't read the version of the trail's schema: %w", err)
	}
	return v, nil
}

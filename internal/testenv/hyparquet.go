package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// hyparquetVersion is the release of hyparquet that reads Parquet files in tests.
const hyparquetVersion = "1.31.5"

// readParquet prints the rows of a file as lines of JSON. Whole numbers become
// numbers, times their microseconds.
const readParquet = `import { parquetReadObjects } from 'hyparquet'
import { readFileSync } from 'node:fs'
const bytes = readFileSync(process.argv[2])
const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
const rows = await parquetReadObjects({ file, parsers: { timestampFromMicroseconds: micros => micros } })
process.stdout.write(rows.map(row => JSON.stringify(row, (_, v) => typeof v === 'bigint' ? Number(v) : v) + '\n').join(''))
`

// ReadParquet lets hyparquet, other people's reader in JavaScript, read a file, and
// returns its rows as lines of JSON. On first use it is installed from the npm
// registry into a per-user cache directory. The test fails when that is not
// possible.
func ReadParquet(t testing.TB, path string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := installHyparquet(ctx)
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "read.mjs")
	out, err := exec.CommandContext(ctx, "node", script, path).Output()
	if err != nil {
		t.Fatalf("hyparquet can't read %s: %v", path, err)
	}
	return out
}

func installHyparquet(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("couldn't find cache directory: %w", err)
	}
	dir := filepath.Join(cache, "whodid-testenv", "hyparquet-"+hyparquetVersion)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", fmt.Errorf("couldn't make cache directory: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(dir, "read.mjs")); err != nil {
		install := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--no-save", "hyparquet@"+hyparquetVersion)
		if out, err := install.CombinedOutput(); err != nil {
			return "", fmt.Errorf("couldn't install hyparquet %s: `scripts/need.sh test` installs the npm that it needs: %w\n%s", hyparquetVersion, err, tail(out))
		}
	}
	// Written last, and always: its presence says that the install is complete.
	if err := os.WriteFile(filepath.Join(dir, "read.mjs"), []byte(readParquet), 0o600); err != nil {
		return "", fmt.Errorf("couldn't write the script that reads Parquet: %w", err)
	}
	return dir, nil
}

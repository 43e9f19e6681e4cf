package testenv

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

// hyparquetVersion is the release of hyparquet that reads Parquet files in tests.
const hyparquetVersion = "1.31.5"

// readParquet prints the rows of a file as lines of JSON. Whole numbers become
// numbers, times their microseconds.
const readParquet = `import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
const [folder, path] = process.argv.slice(-2)
const { parquetReadObjects } = await import(pathToFileURL(createRequire(folder + '/').resolve('hyparquet')))
const bytes = readFileSync(path)
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
	p := npmPackage{name: "hyparquet", version: hyparquetVersion, works: has("hyparquet", "package.json")}
	dir, err := p.install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(ctx, "node", "--input-type=module", "--eval", readParquet, "--", dir, path).Output()
	if err != nil {
		t.Fatalf("hyparquet can't read %s: %v", path, err)
	}
	return out
}

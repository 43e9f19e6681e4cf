package spool

import "sync"

// checksum is the CRC-32C of b, as hash/crc32 computes it. That package makes
// ready for gigabytes: the tables that it wants first take a twentieth of a
// hook's whole life, to check a few hundred bytes.
func checksum(b []byte) uint32 {
	table := checksumTable()
	crc := ^uint32(0)
	for _, c := range b {
		crc = crc>>8 ^ table[byte(crc)^c]
	}
	return ^crc
}

// checksumTable has the remainder of each byte.
var checksumTable = sync.OnceValue(func() *[256]uint32 {
	const castagnoli = 0x82f63b78 // the polynomial, its bits reversed
	var table [256]uint32
	for i := range table {
		crc := uint32(i)
		for range 8 {
			crc = crc>>1 ^ castagnoli&-(crc&1)
		}
		table[i] = crc
	}
	return &table
})

package schema

import (
	"slices"
	"strconv"
	"strings"
)

// generalPrefix begins the path of every column of the batch: what an answer
// says of the batch stands in its "general" object.
const generalPrefix = "general."

// batchKey returns the key of general that fills a column of the batch.
func (c Column) batchKey() string { return strings.TrimPrefix(c.Paths[0], generalPrefix) }

// node is one declared key of a result: a column, or an object that holds
// further declared keys.
type node struct {
	key      string
	quoted   []byte // the key as a JSON string
	path     []byte // dotted, from the result
	column   int    // index of the column, -1 for an object
	children []*node

	// For AppendArray: bit is the node's own in a set of nodes, 0 when there are
	// none left; first and then are the children that came last time at the
	// beginning of the object, and behind this one.
	bit         uint64
	first, then *node
	prefix      prefix // the key with its colon
}

// appendBelow appends what the path of a key below n begins with.
func (n *node) appendBelow(dst []byte) []byte {
	if len(n.path) == 0 {
		return dst
	}
	return append(append(dst, n.path...), '.')
}

// child returns the declared key below n, nil when there is none of that name.
// Objects have few declared keys: a scan beats a map.
func (n *node) child(key []byte) *node {
	for _, c := range n.children {
		if c.key == string(key) {
			return c
		}
	}
	return nil
}

// compile turns the dotted paths of the table's result columns into a tree.
func compile(t *Table) *node {
	root := &node{column: -1}
	bit := uint64(1)
	for i, c := range t.Columns {
		if c.Origin != FromResult {
			continue
		}
		for _, path := range c.Paths {
			n := root
			for _, key := range strings.Split(path, ".") {
				next := n.child([]byte(key))
				if next == nil {
					next = &node{
						key: key, quoted: strconv.AppendQuote(nil, key), column: -1,
						path: append(n.appendBelow(nil), key...), bit: bit,
					}
					next.prefix = newPrefix(append(slices.Clone(next.quoted), ':'))
					bit <<= 1
					n.children = append(n.children, next)
				}
				n = next
			}
			n.column = i
		}
	}
	return root
}

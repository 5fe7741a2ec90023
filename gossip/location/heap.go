package location

// heap gives out the first of its items.
type heap[T any] struct {
	items  []T // the children of i are at 2i+1 and 2i+2; neither is before i
	before func(a, b *T) bool
}

func (h *heap[T]) push(item T) {
	h.items = append(h.items, item)
	for i := len(h.items) - 1; i > 0; {
		above := (i - 1) / 2
		if !h.before(&h.items[i], &h.items[above]) {
			return
		}
		h.items[i], h.items[above] = h.items[above], h.items[i]
		i = above
	}
}

func (h *heap[T]) pop() T {
	last := len(h.items) - 1
	h.items[0], h.items[last] = h.items[last], h.items[0]
	first := h.items[last]
	h.items = h.items[:last]
	for i := 0; ; {
		best := i
		for below := 2*i + 1; below <= 2*i+2 && below < last; below++ {
			if h.before(&h.items[below], &h.items[best]) {
				best = below
			}
		}
		if best == i {
			return first
		}
		h.items[i], h.items[best] = h.items[best], h.items[i]
		i = best
	}
}

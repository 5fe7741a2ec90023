// @ts-check
// The part of the world that is on the screen.
//
// The projection is equirectangular; its standard parallel is the equator while the
// whole world is in view and the middle of the view close up, so that a town has its
// shape and the poles are still on the map. It is affine at each moment: what was
// drawn in degrees can be moved by a matrix.

/** The greatest zoom, in pixels a degree: a house is some ten pixels wide. */
export const closest = 100_000;

/** Longitudes meet at 180. @param {number} lon */
export function wrap(lon) {
  const turned = ((lon + 180) % 360 + 360) % 360 - 180;
  return turned;
}

/** @param {number} x @param {number} low @param {number} high */
export function clamp(x, low, high) {
  return Math.min(high, Math.max(low, x));
}

export class View {
  /** @param {number} width @param {number} height in pixels */
  constructor(width, height) {
    this.lon = 0; // the middle, in degrees
    this.lat = 0;
    this.width = width;
    this.height = height;
    this.scale = 0; // pixels a degree of latitude
    this.whole();
  }

  /** The zoom at which the world is as wide as the screen. */
  get furthest() {
    return this.width / 360;
  }

  /** Pixels a degree of longitude. */
  get across() {
    const close = clamp((this.scale / this.furthest - 1) / 7, 0, 1);
    const squeeze = 1 - close + close * Math.cos(this.lat * Math.PI / 180);
    return Math.max(this.scale * squeeze, this.furthest);
  }

  /** Shows the world. */
  whole() {
    this.scale = this.furthest;
    this.lon = 0;
    this.lat = 12; // most land is in the north
    this.settle();
  }

  /** @param {number} width @param {number} height */
  resize(width, height) {
    const whole = this.scale === this.furthest;
    this.width = width;
    this.height = height;
    if (whole) this.scale = this.furthest;
    this.settle();
  }

  /** Keeps the view on the world. */
  settle() {
    this.scale = clamp(this.scale, this.furthest, closest);
    this.lon = wrap(this.lon);
    const room = 90 - this.height / 2 / this.scale; // how far from the equator the middle may be
    this.lat = room > 0 ? clamp(this.lat, -room, room) : 0;
  }

  /** Where a point is, in pixels from the top left. @param {number} lon @param {number} lat @returns {[number, number]} */
  at(lon, lat) {
    return [
      this.width / 2 + wrap(lon - this.lon) * this.across,
      this.height / 2 - (lat - this.lat) * this.scale,
    ];
  }

  /** What is at a pixel: longitude and latitude. @param {number} x @param {number} y @returns {[number, number]} */
  from(x, y) {
    return [
      wrap(this.lon + (x - this.width / 2) / this.across),
      clamp(this.lat - (y - this.height / 2) / this.scale, -90, 90),
    ];
  }

  /** Moves what is drawn by pixels. @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.lon -= dx / this.across;
    this.lat += dy / this.scale;
    this.settle();
  }

  /** Zooms by a factor; what is at x, y stays there if it can. @param {number} factor @param {number} x @param {number} y */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const [lon, lat] = this.from(x, y);
    this.scale = clamp(this.scale * factor, this.furthest, closest);
    for (let i = 0; i < 3; i++) { // the scale across depends on the middle
      const [atX, atY] = this.at(lon, lat);
      this.lon -= (x - atX) / this.across;
      this.lat += (y - atY) / this.scale;
      this.settle();
    }
  }

  /** Has a point in the middle, at a zoom. @param {number} lon @param {number} lat @param {number} scale */
  go(lon, lat, scale = this.scale) {
    this.scale = scale;
    this.lon = lon;
    this.lat = lat;
    this.settle();
  }

  /** West, south, east, north. Where west is greater, the antimeridian is in view. @returns {[number, number, number, number]} */
  bounds() {
    const half = this.width / 2 / this.across;
    const high = this.height / 2 / this.scale;
    const all = half >= 180 - 1e-6; // the world is as wide as the screen, but for rounding
    return [
      all ? -180 : wrap(this.lon - half), Math.max(-90, this.lat - high),
      all ? 180 : wrap(this.lon + half), Math.min(90, this.lat + high),
    ];
  }
}

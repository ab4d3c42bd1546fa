/** Earth-centred coordinates to a local east-north-up frame (WGS84). */

const semiMajorM = 6378137;
const flattening = 1 / 298.257223563;
const eccentricity2 = flattening * (2 - flattening);

export interface Geodetic {
  readonly latRad: number;
  readonly lonRad: number;
  /** Above the ellipsoid. */
  readonly altM: number;
}

/** Iterates the latitude; below a nanometre after a few rounds anywhere near the surface. */
export function geodeticFromEcef(x: number, y: number, z: number): Geodetic {
  const p = Math.hypot(x, y);
  let latRad = Math.atan2(z, p * (1 - eccentricity2));
  let altM = 0;
  for (let i = 0; i < 8; i++) {
    const sin = Math.sin(latRad);
    const normal = semiMajorM / Math.sqrt(1 - eccentricity2 * sin * sin);
    altM = p * Math.cos(latRad) + z * sin - semiMajorM ** 2 / normal;
    latRad = Math.atan2(z, p * (1 - (eccentricity2 * normal) / (normal + altM)));
  }
  return { latRad, lonRad: Math.atan2(y, x), altM };
}

export function ecefFromGeodetic({ latRad, lonRad, altM }: Geodetic): [number, number, number] {
  const sin = Math.sin(latRad);
  const normal = semiMajorM / Math.sqrt(1 - eccentricity2 * sin * sin);
  const r = (normal + altM) * Math.cos(latRad);
  return [r * Math.cos(lonRad), r * Math.sin(lonRad), (normal * (1 - eccentricity2) + altM) * sin];
}

/** Row-major 3x3: enu-from-ecef rotation at a point. */
export function enuFromEcefAt({ latRad, lonRad }: Geodetic): Float64Array {
  const sinLat = Math.sin(latRad);
  const cosLat = Math.cos(latRad);
  const sinLon = Math.sin(lonRad);
  const cosLon = Math.cos(lonRad);
  return Float64Array.of(
    -sinLon,
    cosLon,
    0,
    -sinLat * cosLon,
    -sinLat * sinLon,
    cosLat,
    cosLat * cosLon,
    cosLat * sinLon,
    sinLat,
  );
}

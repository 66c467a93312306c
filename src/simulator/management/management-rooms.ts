// What the paths of the management API begin with behind `/v2`, where the ids of endpoints stand
// otherwise: no endpoint may be called so.
export const managementRooms: readonly string[] = ['serverless', 'billing', 'catalog']

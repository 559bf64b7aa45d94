// Private networking: the app goes out through a subnet, and reaches the storage accounts by private
// endpoints. Clusters with public endpoints stay reachable; a cluster behind a private endpoint needs
// a peering or an endpoint of its own in this network.

@description('Name of the virtual network.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags { *: string }

@description('Address space; half of it is for the app, half for endpoints.')
param addressPrefix string

@description('Storage account of the host.')
param hostStorageId string

@description('Storage account of the lake.')
param lakeStorageId string

@description('Whether the host uses queues.')
param withQueue bool

var endpointServices = withQueue ? ['blob', 'table', 'queue'] : ['blob', 'table']

var targets = concat(
  [
    {
      name: 'host-blob'
      service: 'blob'
      id: hostStorageId
    }
    {
      name: 'lake-blob'
      service: 'blob'
      id: lakeStorageId
    }
    {
      name: 'lake-table'
      service: 'table'
      id: lakeStorageId
    }
  ],
  withQueue
    ? [
        {
          name: 'host-queue'
          service: 'queue'
          id: hostStorageId
        }
      ]
    : []
)

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 0)
          delegations: [
            {
              name: 'flex'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 1)
        }
      }
    ]
  }

  resource appSubnet 'subnets' existing = {
    name: 'app'
  }

  resource endpointSubnet 'subnets' existing = {
    name: 'endpoints'
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for service in endpointServices: {
    name: 'privatelink.${service}.${environment().suffixes.storage}'
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (service, index) in endpointServices: {
    parent: zones[index]
    name: '${name}-${service}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: network.id
      }
    }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2025-09-01' = [
  for target in targets: {
    name: '${name}-${target.name}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: network::endpointSubnet.id
      }
      privateLinkServiceConnections: [
        {
          name: target.name
          properties: {
            privateLinkServiceId: target.id
            groupIds: [target.service]
          }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01' = [
  for (target, index) in targets: {
    parent: endpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: target.service
          properties: {
            privateDnsZoneId: zones[indexOf(endpointServices, target.service)].id
          }
        }
      ]
    }
  }
]

output appSubnetId string = network::appSubnet.id
